-- The second from which on there are at most max_rows rows, if there are more. Grain: one row.
SELECT extract(EPOCH FROM window_start)::bigint + 1 AS second
FROM sales_summary
WHERE window_start >= to_timestamp(%(first)s)
ORDER BY window_start DESC
LIMIT 1 OFFSET %(max_rows)s
