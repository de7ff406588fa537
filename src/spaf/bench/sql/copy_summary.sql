-- Load many rows, visible to all and without a later VACUUM. Grain: second, category.
COPY sales_summary_other (
    window_start, category, currency, sales_count, units_sold, total_sales, created_at, updated_at
)
FROM STDIN WITH (FORMAT "binary", FREEZE)
