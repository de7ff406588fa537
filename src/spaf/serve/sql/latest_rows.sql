-- Rows that were created last, newest first; money in cents. Grain: second, category, currency.
SELECT
    extract(EPOCH FROM window_start)::bigint AS second,
    category,
    currency,
    sales_count,
    units_sold,
    round(total_sales * 100)::text AS cents,
    floor(extract(EPOCH FROM updated_at) * 1000)::bigint AS updated_ms
FROM sales_summary
ORDER BY created_at DESC
LIMIT %(limit)s
