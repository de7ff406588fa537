-- Bring the column back. Grain: none.
ALTER TABLE sales_summary RENAME COLUMN units_sold_away TO units_sold
