-- Each row of a series less what its past predicts. Grain: series, row.
-- An hour predicts if its squared errors so far are clearly smaller than those of the simpler
-- prediction over the same rows; so seasonality counts only where the data show it. A row with a mean
-- of its slot also has one of its hour.
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
            AND rows_with_slot >= ${min_seasonal_rows}
            AND slot_squares < ${seasonal_gain} * LEAST(slot_hour_squares, slot_all_squares)
            THEN error_of_slot
        WHEN
            error_of_hour IS NOT NULL
            AND rows_with_hour >= ${min_seasonal_rows}
            AND hour_squares < ${seasonal_gain} * hour_all_squares
            THEN error_of_hour
        ELSE error_of_all
    END AS residual
FROM (
    SELECT
        *,
        COUNT(previous_error_of_hour) OVER by_time AS rows_with_hour,
        SUM(
            CASE
                WHEN previous_error_of_hour IS NULL THEN 0e0
                ELSE previous_error_of_all * previous_error_of_all
            END
        ) OVER by_time AS hour_all_squares,
        SUM(COALESCE(previous_error_of_hour * previous_error_of_hour, 0e0)) OVER by_time
            AS hour_squares,
        COUNT(previous_error_of_slot) OVER by_time AS rows_with_slot,
        SUM(
            CASE
                WHEN previous_error_of_slot IS NULL THEN 0e0
                ELSE previous_error_of_all * previous_error_of_all
            END
        ) OVER by_time AS slot_all_squares,
        SUM(
            CASE
                WHEN previous_error_of_slot IS NULL THEN 0e0
                ELSE previous_error_of_hour * previous_error_of_hour
            END
        ) OVER by_time AS slot_hour_squares,
        SUM(COALESCE(previous_error_of_slot * previous_error_of_slot, 0e0)) OVER by_time
            AS slot_squares
    FROM series_expectation
    WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
)
