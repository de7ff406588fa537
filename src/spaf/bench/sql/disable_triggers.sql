-- Send no notifications and set no times. Grain: table.
ALTER TABLE sales_summary DISABLE TRIGGER USER
