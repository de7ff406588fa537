-- Functions of the triggers; none of them has parameters. Grain: function.
SELECT p.proname
FROM pg_proc AS p
INNER JOIN pg_namespace AS n ON p.pronamespace = n.oid
WHERE n.nspname = %(of_schema)s
    AND p.prorettype = 'trigger'::regtype
ORDER BY p.proname
