-- Scores of the rows of a file. Grain: row of the file.
INSERT INTO found
SELECT
    CAST(kafka_offset AS BIGINT),
    CAST(expected AS DOUBLE),
    score,
    kind
FROM sale_outlier
