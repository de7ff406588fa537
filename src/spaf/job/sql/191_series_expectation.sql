-- What the past of a series predicts for each of its rows, in three ways: the mean of all earlier
-- rows, of those at this hour of the day, and of those at this hour on a working day or a weekend.
-- Grain: series, row.
-- hour_slot is the hour, plus 24 on a weekend. The rows of the current hour do not predict each
-- other: they are removed from the sums of their slot. The sums of the slots have one partition,
-- which no pause ages: a partition for each slot would lose its state within a day. events is the
-- number of events that x counts or adds up, 0 where there are none; the unit is the mean of one.
CREATE TEMPORARY VIEW series_expectation AS
SELECT
    series,
    closed_at,
    x,
    unit,
    COALESCE(LAG(rows_so_far, 1) OVER by_time, 0) AS earlier_rows,
    LAG(sum_so_far, 1) OVER by_time / LAG(rows_so_far, 1) OVER by_time AS mean_of_all,
    mean_of_hour,
    mean_of_slot
FROM (
    SELECT
        series,
        closed_at,
        x,
        rows_so_far,
        sum_so_far,
        CASE WHEN events_so_far > 0e0 THEN sum_so_far / events_so_far ELSE 0e0 END AS unit,
        CASE
            WHEN slot_rows + other_slot_rows > hour_rows
                THEN
                    (slot_sum + other_slot_sum - hour_sum)
                    / (slot_rows + other_slot_rows - hour_rows)
        END AS mean_of_hour,
        CASE
            WHEN slot_rows > hour_rows THEN (slot_sum - hour_sum) / (slot_rows - hour_rows)
        END AS mean_of_slot
    FROM (
        SELECT
            *,
            COUNT(*) OVER this_hour AS hour_rows,
            SUM(x) OVER this_hour AS hour_sum
        FROM (
            SELECT
                series,
                closed_at,
                hour_index,
                x,
                rows_so_far,
                sum_so_far,
                events_so_far,
                CASE hour_slot ${slot_rows} END AS slot_rows,
                CASE hour_slot ${slot_sums} END AS slot_sum,
                CASE hour_slot ${other_slot_rows} END AS other_slot_rows,
                CASE hour_slot ${other_slot_sums} END AS other_slot_sum
            FROM (
                SELECT
                    *,
                    COUNT(*) OVER so_far AS rows_so_far,
                    SUM(x) OVER so_far AS sum_so_far,
                    SUM(events) OVER so_far AS events_so_far,
                    ${slot_columns}
                FROM series_row
                WINDOW so_far AS (
                    PARTITION BY series
                    ORDER BY closed_at
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                )
            )
        )
        WINDOW this_hour AS (
            PARTITION BY series, hour_index
            ORDER BY closed_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
)
WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
