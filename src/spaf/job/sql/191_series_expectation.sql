-- What the past of a series predicts for each of its rows, in three ways: the mean of all earlier
-- rows, of those at this hour of the day, and of those at this hour on a working day or a weekend.
-- Grain: series, row.
-- hour_slot is the hour, plus 24 on a weekend. The rows of the current hour do not predict each
-- other: they are removed from the sums of their hour of the day. Those sums have a partition for
-- each hour of the day. State that is not touched for some hours expires, so the first row of an hour
-- goes to the partitions of the other hours as well, where it adds nothing. events is the number of
-- events that x counts or adds up, 0 where there are none; the unit is the mean of one. The errors of
-- the row before are columns, because a sum over earlier rows is a sum of these.
CREATE TEMPORARY VIEW series_expectation AS
SELECT
    series,
    closed_at,
    x,
    rows_so_far - 1 AS earlier_rows,
    CASE WHEN events_so_far > 0e0 THEN sum_so_far / events_so_far ELSE 0e0 END AS unit,
    CASE WHEN rows_so_far > 1 THEN x - (sum_so_far - x) / (rows_so_far - 1) ELSE 0e0 END AS error_of_all,
    error_of_hour,
    error_of_slot,
    CASE
        WHEN rows_so_far > 2
            THEN previous_x - (sum_so_far - x - previous_x) / (rows_so_far - 2)
        ELSE 0e0
    END AS previous_error_of_all,
    previous_error_of_hour,
    previous_error_of_slot
FROM (
    SELECT
        *,
        COUNT(*) OVER by_time AS rows_so_far,
        SUM(x) OVER by_time AS sum_so_far,
        SUM(events) OVER by_time AS events_so_far,
        LAG(x, 1) OVER by_time AS previous_x,
        LAG(error_of_hour, 1) OVER by_time AS previous_error_of_hour,
        LAG(error_of_slot, 1) OVER by_time AS previous_error_of_slot
    FROM (
        SELECT
            series,
            closed_at,
            x,
            events,
            CASE
                WHEN working_day_rows + weekend_rows > hour_rows
                    THEN
                        x - (working_day_sum + weekend_sum - hour_sum)
                        / (working_day_rows + weekend_rows - hour_rows)
            END AS error_of_hour,
            CASE
                WHEN hour_slot < 24 AND working_day_rows > hour_rows
                    THEN x - (working_day_sum - hour_sum) / (working_day_rows - hour_rows)
                WHEN hour_slot >= 24 AND weekend_rows > hour_rows
                    THEN x - (weekend_sum - hour_sum) / (weekend_rows - hour_rows)
            END AS error_of_slot
        FROM (
            SELECT
                *,
                COUNT(CASE WHEN hour_slot = partition_hour THEN 1 END) OVER by_hour
                    AS working_day_rows,
                SUM(CASE WHEN hour_slot = partition_hour THEN x ELSE 0e0 END) OVER by_hour
                    AS working_day_sum,
                COUNT(CASE WHEN hour_slot = partition_hour + 24 THEN 1 END) OVER by_hour
                    AS weekend_rows,
                SUM(CASE WHEN hour_slot = partition_hour + 24 THEN x ELSE 0e0 END) OVER by_hour
                    AS weekend_sum
            FROM (
                SELECT
                    series,
                    closed_at,
                    x,
                    events,
                    hour_slot,
                    hour_rows,
                    hour_sum,
                    t.partition_hour AS partition_hour
                FROM (
                    SELECT
                        *,
                        COUNT(*) OVER this_hour AS hour_rows,
                        SUM(x) OVER this_hour AS hour_sum
                    FROM series_row
                    WINDOW this_hour AS (PARTITION BY series, hour_index ORDER BY closed_at)
                )
                CROSS JOIN UNNEST(${touched_hours}) AS t (partition_hour)
            )
            WINDOW by_hour AS (PARTITION BY series, partition_hour ORDER BY closed_at)
        )
        WHERE partition_hour = MOD(hour_slot, 24)
    )
    WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
)
