-- Whether the schema exists. Grain: one row.
SELECT count(*) = 1 AS has_schema
FROM pg_namespace
WHERE nspname = %(schema)s
