-- Send notifications and set times again. Grain: table.
ALTER TABLE sales_summary ENABLE TRIGGER USER
