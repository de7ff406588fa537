-- Minutes in which a category sold or earned far more or far less than its past predicts.
-- Grain: minute of append time, category, kind.
CREATE TEMPORARY VIEW series_outlier AS
SELECT
    -- A minute closes one millisecond before its end.
    CAST(closed_at AS TIMESTAMP(3)) - INTERVAL '59.999' SECOND AS window_start,
    SUBSTRING(series FROM POSITION('/' IN series) + 1) AS category,
    CASE ${series_kind_cases} END AS kind,
    CAST(x AS BIGINT) AS observed,
    expected,
    score
FROM series_score
WHERE flagged
