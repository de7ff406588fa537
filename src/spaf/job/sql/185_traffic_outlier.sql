-- Seconds in which a category sold far more or far less often than before.
-- Grain: second of append time, category, kind.
-- The span with the largest absolute score represents the second, and only the first alert of a run
-- of alerts is reported.
CREATE TEMPORARY VIEW traffic_outlier AS
SELECT
    CAST(window_start AS TIMESTAMP(3)) AS window_start,
    category,
    CASE WHEN score > 0e0 THEN ${rising_kind} ELSE ${falling_kind} END AS kind,
    CAST(observed AS BIGINT) AS observed,
    expected,
    score
FROM (
    SELECT
        *,
        SUM(alert) OVER (
            PARTITION BY category
            ORDER BY scored_at
            ROWS BETWEEN ${cool_down_s} PRECEDING AND CURRENT ROW
        ) AS alerts
    FROM (
        SELECT
            window_start,
            window_time AS scored_at,
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
                ) AS span_rank
            FROM TABLE(TUMBLE(TABLE scored_traffic, DESCRIPTOR(closed_at), INTERVAL '1' SECOND))
        )
        WHERE span_rank = 1
    )
)
WHERE alert = 1 AND alerts = 1
