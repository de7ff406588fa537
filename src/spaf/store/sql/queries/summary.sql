-- sales_summary, for verification. Grain: second, category, currency.
SELECT
    extract(EPOCH FROM window_start)::bigint AS second,
    category,
    currency,
    sales_count,
    units_sold,
    total_sales
FROM sales_summary
