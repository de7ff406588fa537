-- Let the server read its options again. Grain: one row.
SELECT pg_reload_conf()
