-- Sales and revenue of each known category in each closed minute of append time, as series.
-- Grain: measure and category (series), minute of append time.
-- A minute in which no category sold has no row. Days and hours are those of UTC; 1970 began on a
-- Thursday.
CREATE TEMPORARY VIEW series_row AS
SELECT
    CONCAT(measure, '/', category) AS series,
    closed_at,
    epoch_s / 3600 AS hour_index,
    MOD(epoch_s / 3600, 24) + CASE WHEN MOD(epoch_s / 86400 + 3, 7) >= 5 THEN 24 ELSE 0 END
        AS hour_slot,
    COALESCE(CAST(amount AS DOUBLE), 0e0) AS x,
    COALESCE(CAST(sales AS DOUBLE), 0e0) AS events
FROM (
    SELECT
        closed_at,
        TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', CAST(closed_at AS TIMESTAMP(3)))
            AS epoch_s,
        category,
        measure,
        amount,
        sales
    FROM (
        SELECT
            window_start,
            window_end,
            window_time AS closed_at,
            ${total_columns}
        FROM TABLE(TUMBLE(TABLE sales_per_second, DESCRIPTOR(closed_at), INTERVAL '1' MINUTE))
        GROUP BY window_start, window_end, window_time
    )
    CROSS JOIN UNNEST(ARRAY[${total_rows}]) AS t (measure, category, amount, sales)
)
