-- Copies of sales that do not count, those of dropped blocks included. Grain: one row.
SELECT (coalesce(sum(b.duplicates), 0) + max(r.duplicates))::bigint AS duplicates
FROM retention AS r
LEFT JOIN duplicate_block AS b ON TRUE
