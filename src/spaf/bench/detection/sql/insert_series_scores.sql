-- Scores of the points. Grain: series, row.
INSERT INTO scored_point
SELECT
    series,
    TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', CAST(closed_at AS TIMESTAMP(3))),
    expected,
    scale,
    deviation,
    score,
    flagged
FROM series_score
