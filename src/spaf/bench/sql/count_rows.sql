-- Rows of sales_summary. Grain: one row.
SELECT count(*) AS number
FROM sales_summary
