-- Sales, units and money of the last seconds. Grain: category, currency.
SELECT
    category,
    currency,
    sum(sales_count)::bigint AS sales_count,
    sum(units_sold)::bigint AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
WHERE window_start >= now() - make_interval(secs => %(seconds)s)
GROUP BY category, currency
ORDER BY total_sales DESC
