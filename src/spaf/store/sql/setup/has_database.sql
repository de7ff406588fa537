-- Whether the database exists. Grain: one row.
SELECT count(*) = 1 AS has_database
FROM pg_database
WHERE datname = %(database)s
