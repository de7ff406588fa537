-- Sales and revenue of each known category in each closed minute of append time, as series.
-- Grain: measure and category (series), minute of append time.
-- A minute in which no category sold has no row. Days and hours are those of UTC; 1970 began on a
-- Thursday.
CREATE TEMPORARY VIEW series_row AS
SELECT
    CONCAT(t.measure, '/', category) AS series,
    closed_at,
    epoch_s / 3600 AS hour_index,
    MOD(epoch_s / 3600, 24) + CASE WHEN MOD(epoch_s / 86400 + 3, 7) >= 5 THEN 24 ELSE 0 END
        AS hour_slot,
    CAST(t.amount AS DOUBLE) AS x,
    CAST(sales AS DOUBLE) AS events
FROM (
    SELECT
        window_time AS closed_at,
        CAST(EXTRACT(EPOCH FROM window_time) AS INT) AS epoch_s,
        category,
        SUM(sales) AS sales,
        SUM(revenue) AS revenue
    FROM TABLE(TUMBLE(TABLE sales_with_zeros, DESCRIPTOR(closed_at), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, window_time, category
)
CROSS JOIN UNNEST(ARRAY[
    ROW(CAST('sales' AS STRING), sales), ROW(CAST('revenue' AS STRING), revenue)
]) AS t (measure, amount)
