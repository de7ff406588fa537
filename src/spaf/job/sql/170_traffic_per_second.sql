-- Accepted sales of each known category in each second, 0 for a category without sales.
-- Grain: second of append time, category; categories outside the catalogue are (other).
-- One wide row for each second gives the zeros: a plain GROUP BY has no row for a category
-- without sales.
CREATE TEMPORARY VIEW traffic_per_second AS
SELECT
    CAST(window_start AS TIMESTAMP(3)) AS window_start,
    closed_at,
    t.category AS category,
    COALESCE(t.sales, 0) AS observed
FROM (
    SELECT
        window_start,
        window_end,
        window_time AS closed_at,
        ${count_columns}
    FROM TABLE(TUMBLE(TABLE sales_per_second, DESCRIPTOR(closed_at), INTERVAL '1' SECOND))
    GROUP BY window_start, window_end, window_time
)
CROSS JOIN UNNEST(ARRAY[${category_rows}]) AS t (category, sales)
