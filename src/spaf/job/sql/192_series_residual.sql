-- Each row of a series less what its past predicts. Grain: series, row.
-- An hour predicts if its squared errors so far are clearly smaller than those of the simpler
-- prediction over the same rows; so seasonality counts only where the data show it.
CREATE TEMPORARY VIEW series_residual AS
SELECT
    series,
    closed_at,
    x,
    unit,
    earlier_rows,
    CASE
        WHEN
            error_of_slot IS NOT NULL
            AND LAG(rows_with_slot, 1) OVER by_time >= ${min_seasonal_rows}
            AND LAG(slot_squares, 1) OVER by_time < ${seasonal_gain} * LEAST(
                LAG(slot_hour_squares, 1) OVER by_time, LAG(slot_all_squares, 1) OVER by_time
            )
            THEN error_of_slot
        WHEN
            error_of_hour IS NOT NULL
            AND LAG(rows_with_hour, 1) OVER by_time >= ${min_seasonal_rows}
            AND LAG(hour_squares, 1) OVER by_time
            < ${seasonal_gain} * LAG(hour_all_squares, 1) OVER by_time
            THEN error_of_hour
        ELSE error_of_all
    END AS residual
FROM (
    SELECT
        *,
        COUNT(error_of_hour) OVER so_far AS rows_with_hour,
        SUM(CASE WHEN error_of_hour IS NULL THEN 0e0 ELSE error_of_all * error_of_all END) OVER so_far
            AS hour_all_squares,
        SUM(COALESCE(error_of_hour * error_of_hour, 0e0)) OVER so_far AS hour_squares,
        COUNT(error_of_slot) OVER so_far AS rows_with_slot,
        SUM(CASE WHEN error_of_slot IS NULL THEN 0e0 ELSE error_of_all * error_of_all END) OVER so_far
            AS slot_all_squares,
        SUM(CASE WHEN error_of_slot IS NULL THEN 0e0 ELSE error_of_hour * error_of_hour END)
            OVER so_far AS slot_hour_squares,
        SUM(COALESCE(error_of_slot * error_of_slot, 0e0)) OVER so_far AS slot_squares
    FROM (
        SELECT
            series,
            closed_at,
            x,
            unit,
            earlier_rows,
            COALESCE(x - mean_of_all, 0e0) AS error_of_all,
            x - mean_of_hour AS error_of_hour,
            x - mean_of_slot AS error_of_slot
        FROM series_expectation
    )
    WINDOW so_far AS (
        PARTITION BY series
        ORDER BY closed_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
