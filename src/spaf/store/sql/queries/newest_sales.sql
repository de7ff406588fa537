-- The newest rows of sales_summary, the query of the brief. Grain: second, category, currency.
SELECT *
FROM sales_summary
ORDER BY created_at DESC
LIMIT %(limit)s
