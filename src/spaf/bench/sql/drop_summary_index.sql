-- Load many rows without the index, which is made at the end. Grain: table.
DROP INDEX sales_summary_created_at
