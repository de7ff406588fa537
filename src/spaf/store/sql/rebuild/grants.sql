-- Rights on the tables, without those of their owner. Grain: table, account, right.
SELECT
    c.relname,
    coalesce(g.rolname, 'public') AS grantee,
    a.privilege_type
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
CROSS JOIN LATERAL aclexplode(c.relacl) AS a
LEFT JOIN pg_roles AS g ON a.grantee = g.oid
WHERE n.nspname = %(of_schema)s
    AND c.relname = any(%(names)s)
    AND a.grantee <> c.relowner
ORDER BY c.relname, grantee, a.privilege_type
