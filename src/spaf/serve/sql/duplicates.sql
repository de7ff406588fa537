-- Copies of sales that do not count. Grain: one row.
SELECT coalesce(sum(duplicates), 0)::bigint AS duplicates
FROM duplicate_block
