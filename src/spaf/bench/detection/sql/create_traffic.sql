-- Rows of a file instead of the job's view of the same name. Grain: row of the file.
-- A row is one step of time, whatever its timestamp: the rules count rows.
CREATE TEMPORARY VIEW traffic_per_second AS
SELECT
    CAST(TO_TIMESTAMP_LTZ(row_index * 1000, 3) AS TIMESTAMP(3)) AS window_start,
    TO_TIMESTAMP_LTZ(row_index * 1000 + 999, 3) AS closed_at,
    category,
    number AS observed
FROM csv_row
