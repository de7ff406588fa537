-- Delete a day row by row. Grain: second, category, currency.
DELETE FROM sales_summary
WHERE window_start < to_timestamp(%(before)s)
