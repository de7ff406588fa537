-- The parts of a table with their bounds; NULL is no bound, _other has none. Grain: part.
SELECT
    relname,
    substring(pg_get_expr(relpartbound, oid) FROM 'FROM \(''([^'']+)''\)')::timestamptz AS begins,
    substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)')::timestamptz AS ends
FROM pg_class
WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(parent)s::regclass)
ORDER BY ends
