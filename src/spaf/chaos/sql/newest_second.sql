-- Newest second with sales until now, epoch seconds. Grain: one row.
SELECT extract(epoch FROM max(window_start))::float8
FROM sales_summary
WHERE window_start <= to_timestamp(%(now_s)s)
