-- The index of the migration. Grain: table.
CREATE INDEX sales_summary_created_at ON sales_summary (created_at)
