-- Bytes of a table and of its parts, with their indexes. Grain: one row.
SELECT
    pg_total_relation_size(%(table)s::regclass) + coalesce(
        (
            SELECT sum(pg_total_relation_size(t.relid))
            FROM pg_partition_tree(%(table)s::regclass) AS t
            WHERE t.isleaf
        ),
        0
    )::bigint AS size
