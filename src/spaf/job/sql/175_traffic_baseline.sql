-- Sales of the last seconds, and the baseline to compare them with: rate and dispersion.
-- Grain: second of append time, category.
-- sales_last_Ns includes this second. base_rate (sales a second) and dispersion (variance over
-- mean) describe the newest third of the history, which ends before the last 16 seconds; older_ and
-- oldest_ describe the two thirds before it. The rate has half a sale added, so that two sales
-- after a long silence are no surge. Every value is a difference of running sums, because one query
-- level can have only one window frame.
CREATE TEMPORARY VIEW traffic_baseline AS
SELECT
    *,
    LAG(base_rate, ${third_rows}) OVER by_second AS older_rate,
    LAG(base_rate, ${two_thirds_rows}) OVER by_second AS oldest_rate,
    LAG(dispersion, ${third_rows}) OVER by_second AS older_dispersion,
    LAG(dispersion, ${two_thirds_rows}) OVER by_second AS oldest_dispersion
FROM (
    SELECT
        closed_at,
        category,
        sales_last_1s,
        sales_last_2s,
        sales_last_4s,
        sales_last_8s,
        sales_last_16s,
        history_rows,
        CASE
            WHEN history_rows >= ${min_history_rows} THEN (history_sales + 0.5e0) / history_rows
        END AS base_rate,
        CASE
            WHEN history_rows >= ${min_history_rows}
                THEN
                    LEAST(
                        GREATEST(
                            (history_squares - CAST(history_sales AS DOUBLE) * history_sales / history_rows)
                            / (history_rows - 1) / GREATEST(CAST(history_sales AS DOUBLE) / history_rows, 1e0),
                            1e0
                        ),
                        ${max_dispersion}
                    )
        END AS dispersion
    FROM (
        SELECT
            closed_at,
            category,
            running_sales - LAG(running_sales, 1, CAST(0 AS BIGINT)) OVER by_second AS sales_last_1s,
            running_sales - LAG(running_sales, 2, CAST(0 AS BIGINT)) OVER by_second AS sales_last_2s,
            running_sales - LAG(running_sales, 4, CAST(0 AS BIGINT)) OVER by_second AS sales_last_4s,
            running_sales - LAG(running_sales, 8, CAST(0 AS BIGINT)) OVER by_second AS sales_last_8s,
            running_sales - LAG(running_sales, 16, CAST(0 AS BIGINT)) OVER by_second AS sales_last_16s,
            LAG(running_rows, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_rows, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_rows,
            LAG(running_sales, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_sales, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_sales,
            LAG(running_squares, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_squares, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_squares
        FROM (
            SELECT
                *,
                COUNT(*) OVER so_far AS running_rows,
                SUM(observed) OVER so_far AS running_sales,
                SUM(observed * observed) OVER so_far AS running_squares
            FROM traffic_per_second
            WINDOW so_far AS (
                PARTITION BY category
                ORDER BY closed_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        )
        WINDOW by_second AS (PARTITION BY category ORDER BY closed_at)
    )
)
WINDOW by_second AS (PARTITION BY category ORDER BY closed_at)
