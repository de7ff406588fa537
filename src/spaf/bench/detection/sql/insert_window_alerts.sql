-- Seconds and minutes that the job reports. Grain: window of append time, category, kind.
INSERT INTO found_second
SELECT
    TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', window_start),
    category,
    kind
FROM (
    SELECT
        window_start,
        category,
        kind
    FROM traffic_outlier
    UNION ALL
    SELECT
        window_start,
        category,
        kind
    FROM series_outlier
)
