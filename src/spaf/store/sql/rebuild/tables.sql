-- Tables that the job writes, and their partitions. Grain: table.
WITH RECURSIVE family AS (
    SELECT c.oid
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
    WHERE n.nspname = %(of_schema)s
        AND c.relname = any(%(names)s)
        AND c.relkind IN ('r', 'p')
    UNION
    SELECT i.inhrelid
    FROM pg_inherits AS i
    INNER JOIN family AS f ON i.inhparent = f.oid
)

SELECT c.relname
FROM pg_class AS c
INNER JOIN family AS f ON c.oid = f.oid
ORDER BY c.relname
