-- Make a column that the job writes missing. Grain: none.
ALTER TABLE sales_summary RENAME COLUMN units_sold TO units_sold_away
