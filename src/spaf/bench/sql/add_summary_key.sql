-- The primary key of the migration. Grain: table.
ALTER TABLE sales_summary ADD PRIMARY KEY (window_start, category, currency)
