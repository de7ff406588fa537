-- Seconds in which a category sold far more or far less often than in the seconds before.
-- Grain: second of append time, category, kind.
-- Arrivals are at best Poisson, and the root of a Poisson count varies by one half whatever its
-- mean: twice the difference of the roots is a score that is fair to surges and droughts alike.
-- Where the seconds before varied more than that, the score is lower in proportion. The second
-- itself is left out of them, and a run of alerts is reported once.
CREATE TEMPORARY VIEW outlying_second AS
SELECT
    window_start,
    category,
    CASE WHEN score > 0e0 THEN 'surge' ELSE 'drought' END AS kind,
    observed,
    mean AS expected,
    score
FROM (
    SELECT
        *,
        SUM(alert) OVER (
            PARTITION BY category
            ORDER BY closed
            ROWS BETWEEN ${cool_down_seconds} PRECEDING AND CURRENT ROW
        ) AS alerts
    FROM (
        SELECT
            *,
            CASE WHEN ABS(score) > ${surge_score} THEN 1 ELSE 0 END AS alert
        FROM (
            SELECT
                *,
                2e0 * (SQRT(CAST(observed AS DOUBLE)) - SQRT(mean))
                / SQRT(GREATEST(
                    (CAST(q - observed * observed AS DOUBLE) - (s - observed) * mean)
                    / (n - 2) / GREATEST(mean, 1e0),
                    1e0
                )) AS score
            FROM (
                SELECT
                    *,
                    CAST(s - observed AS DOUBLE) / (n - 1) AS mean
                FROM (
                    SELECT
                        window_start,
                        closed,
                        category,
                        observed,
                        COUNT(*) OVER before AS n,
                        SUM(observed) OVER before AS s,
                        SUM(observed * observed) OVER before AS q
                    FROM traffic_of_second
                    WINDOW before AS (
                        PARTITION BY category
                        ORDER BY closed
                        ROWS BETWEEN ${surge_seconds} PRECEDING AND CURRENT ROW
                    )
                )
                WHERE n > ${least_seconds}
            )
        )
    )
)
WHERE alert = 1 AND alerts = 1
