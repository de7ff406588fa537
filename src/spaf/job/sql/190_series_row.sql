-- Sales and revenue of each known category in each closed minute of append time, as series.
-- Grain: measure and category (series), minute of append time.
-- A minute in which no category sold has no row. The unit of revenue is the mean amount of the sales
-- so far. Days and hours are those of UTC; 1970 began on a Thursday.
CREATE TEMPORARY VIEW series_row AS
SELECT
    CONCAT(measure, '/', category) AS series,
    closed_at,
    epoch_s / 3600 AS hour_index,
    MOD(epoch_s / 3600, 24) + CASE WHEN MOD(epoch_s / 86400 + 3, 7) >= 5 THEN 24 ELSE 0 END
        AS hour_slot,
    x,
    unit
FROM (
    SELECT
        closed_at,
        TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', CAST(closed_at AS TIMESTAMP(3)))
            AS epoch_s,
        category,
        measure,
        x,
        unit
    FROM (
        SELECT
            *,
            COALESCE(
                CAST(SUM(revenue) OVER so_far AS DOUBLE) / NULLIF(SUM(sales) OVER so_far, 0), 0e0
            ) AS mean_amount
        FROM (
            SELECT
                closed_at,
                t.category AS category,
                COALESCE(t.sales, CAST(0 AS BIGINT)) AS sales,
                COALESCE(t.revenue, CAST(0 AS BIGINT)) AS revenue
            FROM (
                SELECT
                    window_start,
                    window_end,
                    window_time AS closed_at,
                    ${total_columns}
                FROM TABLE(TUMBLE(TABLE sales_per_second, DESCRIPTOR(closed_at), INTERVAL '1' MINUTE))
                GROUP BY window_start, window_end, window_time
            )
            CROSS JOIN UNNEST(ARRAY[${total_rows}]) AS t (category, sales, revenue)
        )
        WINDOW so_far AS (
            PARTITION BY category
            ORDER BY closed_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
    CROSS JOIN UNNEST(ARRAY[
        ROW('sales', CAST(sales AS DOUBLE), 1e0),
        ROW('revenue', CAST(revenue AS DOUBLE), mean_amount)
    ]) AS s (measure, x, unit)
)
