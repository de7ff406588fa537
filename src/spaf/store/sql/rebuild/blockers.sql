-- What of the user's depends on the tables and cannot be led to new ones. Grain: object.
SELECT DISTINCT
    CASE
        WHEN v.relkind = 'm' THEN 'materialized view '
        ELSE 'view of another account '
    END || quote_ident(n.nspname) || '.' || quote_ident(v.relname) AS name
FROM pg_depend AS d
INNER JOIN pg_rewrite AS r ON d.objid = r.oid
INNER JOIN pg_class AS v ON r.ev_class = v.oid
INNER JOIN pg_namespace AS n ON v.relnamespace = n.oid
INNER JOIN pg_class AS t ON d.refobjid = t.oid
INNER JOIN pg_namespace AS s ON t.relnamespace = s.oid
WHERE d.classid = 'pg_rewrite'::regclass
    AND d.refclassid = 'pg_class'::regclass
    AND s.nspname = %(of_schema)s
    AND t.relname = any(%(names)s)
    AND (v.relkind = 'm' OR (v.relkind = 'v' AND NOT pg_has_role(v.relowner, 'USAGE')))
UNION
SELECT 'foreign key of ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_constraint AS k
INNER JOIN pg_class AS c ON k.conrelid = c.oid
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN pg_class AS t ON k.confrelid = t.oid
INNER JOIN pg_namespace AS s ON t.relnamespace = s.oid
WHERE k.contype = 'f'
    AND s.nspname = %(of_schema)s
    AND t.relname = any(%(names)s)
ORDER BY name
