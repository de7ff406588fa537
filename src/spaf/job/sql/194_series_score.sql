-- Each row of a series with its score, which is 0 while an earlier alert stands for it.
-- Grain: series, row.
-- An alert stands for the rows of its pause, unless one of them deviates more; and for the alerts
-- that follow it closely, because a deviation that grows is one anomaly.
CREATE TEMPORARY VIEW series_score AS
SELECT
    series,
    closed_at,
    x,
    expected,
    scale,
    deviation,
    alert = 1 AND recent_alerts = 1 AS flagged,
    CASE WHEN largest_so_far AND (alert = 0 OR recent_alerts = 1) THEN deviation ELSE 0e0 END AS score
FROM (
    SELECT
        *,
        SUM(alert) OVER (
            PARTITION BY series
            ORDER BY closed_at
            ROWS BETWEEN ${series_run_rows} PRECEDING AND CURRENT ROW
        ) AS recent_alerts
    FROM (
        SELECT
            *,
            ABS(deviation) > largest_before AS largest_so_far,
            CASE
                WHEN ABS(deviation) > largest_before AND ABS(deviation) > ${series_score} THEN 1
                ELSE 0
            END AS alert
        FROM (
            SELECT
                *,
                MAX(previous_deviation) OVER (
                    PARTITION BY series
                    ORDER BY closed_at
                    ROWS BETWEEN ${pause_preceding} PRECEDING AND CURRENT ROW
                ) AS largest_before
            FROM (
                SELECT
                    *,
                    COALESCE(ABS(LAG(deviation, 1) OVER by_time), 0e0) AS previous_deviation
                FROM scored_series
                WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
            )
        )
    )
)
