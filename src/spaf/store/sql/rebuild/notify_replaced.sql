-- Notify the readers that listen for changes: every row may be another one. Grain: one row.
SELECT pg_notify(%(channel)s, %(payload)s)
