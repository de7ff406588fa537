-- Load many rows without the primary key, which is made at the end. Grain: table.
ALTER TABLE sales_summary DROP CONSTRAINT sales_summary_pkey
