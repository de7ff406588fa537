-- Sales of the last seconds, the silence since the last sale, and the baseline to compare them with:
-- rate and dispersion. Grain: second of append time, category.
-- sales_last_Ns includes this second. silence_s reaches from the last sale to the end of this second;
-- like the other spans it counts the seconds in which any category sold. It is NULL where sales come in
-- bunches, because the time after a bunch says nothing. base_rate (sales a second) and dispersion
-- (variance over mean) describe the newest third of the history, which ends before the last 16 seconds;
-- older_ and oldest_ describe the two thirds before it. The rate has half a sale added, so that two
-- sales after a long silence are no surge. Every value is a difference of running sums, because one
-- query level can have only one window frame.
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
        -- By chance the last sale of a second is 1 / rate before its end.
        CASE
            WHEN history_gaps_ms * history_sales <= ${max_bunching} * 1000 * history_gaps * history_rows
                THEN silence_s
        END AS silence_s,
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
            -- Milliseconds of the rows of this category: row n ends at n * 1000.
            (running_rows * 1000 - MAX((running_rows - 1) * 1000 + last_sale_ms) OVER by_second) / 1e3
                AS silence_s,
            LAG(running_rows, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_rows, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_rows,
            LAG(running_sales, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_sales, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_sales,
            LAG(running_squares, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_squares, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_squares,
            LAG(running_gaps, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_gaps, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_gaps,
            LAG(running_gaps_ms, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(running_gaps_ms, ${history_start}, CAST(0 AS BIGINT)) OVER by_second AS history_gaps_ms
        FROM (
            SELECT
                *,
                COUNT(*) OVER by_second AS running_rows,
                SUM(observed) OVER by_second AS running_sales,
                SUM(observed * observed) OVER by_second AS running_squares,
                -- From the last sale of a second to its end.
                COUNT(last_sale_ms) OVER by_second AS running_gaps,
                SUM(CAST(COALESCE(1000 - last_sale_ms, 0) AS BIGINT)) OVER by_second AS running_gaps_ms
            FROM traffic_per_second
            WINDOW by_second AS (PARTITION BY category ORDER BY closed_at)
        )
        WINDOW by_second AS (PARTITION BY category ORDER BY closed_at)
    )
)
WINDOW by_second AS (PARTITION BY category ORDER BY closed_at)
