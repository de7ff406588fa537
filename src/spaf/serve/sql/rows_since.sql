-- Every row of sales_summary from a second on; money in cents. Grain: second, category, currency.
SELECT
    extract(EPOCH FROM window_start)::bigint AS second,
    category,
    currency,
    sales_count,
    units_sold,
    round(total_sales * 100)::text AS cents,
    floor(extract(EPOCH FROM updated_at) * 1000)::bigint AS updated_ms
FROM sales_summary
WHERE window_start >= to_timestamp(%(first)s)
