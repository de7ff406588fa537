-- Scores of the rows of a file. Grain: row of the file.
INSERT INTO found
SELECT
    CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', window_start) AS BIGINT),
    CAST(expected AS DOUBLE),
    score
FROM traffic_outlier
