-- Points of series instead of the job's view of the same name. Grain: series, row.
-- A row is one step of time; only the hour of its time stamp is used.
CREATE TEMPORARY VIEW series_row AS
SELECT
    series,
    TO_TIMESTAMP_LTZ(row_index * 1000, 3) AS closed_at,
    hour_index,
    hour_slot,
    number AS x,
    events
FROM point
