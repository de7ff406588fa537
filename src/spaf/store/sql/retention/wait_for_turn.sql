-- Wait for other sessions that drop rows; the lock ends with the transaction. Grain: one row.
SELECT pg_advisory_xact_lock(%(lock)s)
