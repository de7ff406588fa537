-- Seconds in which a category sold far more or far less often than before.
-- Grain: second of append time, category, kind.
-- Of the spans that end in a second the one that stands out most speaks, and a run of alerts is
-- reported once.
CREATE TEMPORARY VIEW outlying_second AS
SELECT
    CAST(window_start AS TIMESTAMP(3)) AS window_start,
    category,
    CASE WHEN score > 0e0 THEN 'surge' ELSE 'drought' END AS kind,
    CAST(observed AS BIGINT) AS observed,
    expected,
    score
FROM (
    SELECT
        *,
        SUM(alert) OVER (
            PARTITION BY category
            ORDER BY judged
            ROWS BETWEEN ${cool_down_seconds} PRECEDING AND CURRENT ROW
        ) AS alerts
    FROM (
        SELECT
            window_start,
            window_time AS judged,
            category,
            observed,
            expected,
            score,
            CASE WHEN ABS(score) > ${surge_score} THEN 1 ELSE 0 END AS alert
        FROM (
            SELECT
                *,
                ROW_NUMBER() OVER (
                    PARTITION BY window_start, window_end, category
                    ORDER BY ABS(score) DESC, span ASC
                ) AS place
            FROM TABLE(TUMBLE(TABLE scored_second, DESCRIPTOR(closed), INTERVAL '1' SECOND))
        )
        WHERE place = 1
    )
)
WHERE alert = 1 AND alerts = 1
