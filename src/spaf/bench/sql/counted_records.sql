-- Records that a limit of a drain has read. Grain: one row.
SELECT coalesce(sum(records), 0)::bigint AS records
FROM record_count
