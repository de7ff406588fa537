-- Minutes in which a category sold or earned far more or far less than its past predicts.
-- Grain: minute of append time, category, kind.
CREATE TEMPORARY VIEW series_outlier AS
SELECT
    CAST(TO_TIMESTAMP_LTZ(closed_s / 60 * 60000, 3) AS TIMESTAMP(3)) AS window_start,
    SUBSTRING(series FROM POSITION('/' IN series) + 1) AS category,
    CASE ${series_kind_cases} END AS kind,
    CAST(x AS BIGINT) AS observed,
    expected,
    score
FROM (
    SELECT
        series,
        CAST(
            TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', CAST(closed_at AS TIMESTAMP(3)))
            AS BIGINT
        ) AS closed_s,
        x,
        expected,
        score
    FROM series_score
    WHERE flagged
)
