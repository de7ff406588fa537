-- Sales in all rows of sales_summary. Grain: one row.
SELECT coalesce(sum(sales_count), 0)::bigint AS sales
FROM sales_summary
