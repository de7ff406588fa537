-- The parts of a table with their bounds; NULL is no bound, _other has none. Grain: part.
SELECT
    c.relname,
    substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \(''([^'']+)''\)')::timestamptz
        AS begins,
    substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz AS ends
FROM pg_inherits AS i
INNER JOIN pg_class AS c ON i.inhrelid = c.oid
WHERE i.inhparent = %(parent)s::regclass -- noqa: RF02
ORDER BY ends
