-- Bytes of a table with its parts and their indexes. Grain: one row.
SELECT coalesce(sum(pg_total_relation_size(t.relid)), 0)::bigint AS size
FROM pg_partition_tree(%(table)s::regclass) AS t
