-- Views that read the tables directly, in any schema, and their definitions. Grain: view.
SELECT DISTINCT
    n.nspname,
    v.relname,
    pg_get_viewdef(v.oid) AS definition,
    array_to_string(v.reloptions, ', ') AS options
FROM pg_depend AS d
INNER JOIN pg_rewrite AS r ON d.objid = r.oid
INNER JOIN pg_class AS v ON r.ev_class = v.oid
INNER JOIN pg_namespace AS n ON v.relnamespace = n.oid
INNER JOIN pg_class AS t ON d.refobjid = t.oid
INNER JOIN pg_namespace AS s ON t.relnamespace = s.oid
WHERE d.classid = 'pg_rewrite'::regclass
    AND d.refclassid = 'pg_class'::regclass
    AND v.relkind = 'v'
    AND s.nspname = %(of_schema)s
    AND t.relname = any(%(names)s)
ORDER BY n.nspname, v.relname
