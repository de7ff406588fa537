-- The note of a schema; no row if there is no such schema. Grain: schema.
SELECT coalesce(obj_description(oid, 'pg_namespace'), '') AS mark
FROM pg_namespace
WHERE nspname = %(of_schema)s
