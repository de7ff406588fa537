-- Seconds in which a category sold far more or far less often than before.
-- Grain: second of append time, category, kind.
-- Arrivals are at best Poisson, and twice the root of a Poisson count varies by one whatever its
-- mean: the difference of such roots is a score that is fair to surges and droughts alike. Where
-- the seconds before varied more than that, the score is lower in proportion. A rare category
-- needs seconds to show that it is silent, so the last one, three and eight seconds are looked at,
-- and the one that stands out most speaks. They are left out of what they are compared with, in
-- which a second counts as no more than three deviations from its own past: a surge must not make
-- the quiet after it look like a drought. A run of alerts is reported once.
CREATE TEMPORARY VIEW outlying_second AS
SELECT
    window_start,
    category,
    CASE WHEN score > 0e0 THEN 'surge' ELSE 'drought' END AS kind,
    observed,
    expected,
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
                window_start,
                closed,
                category,
                CASE span WHEN 1 THEN observed WHEN 3 THEN last3 ELSE last8 END AS observed,
                CASE span WHEN 1 THEN score1 WHEN 3 THEN score3 ELSE score8 END AS score,
                span * base AS expected
            FROM (
                SELECT
                    *,
                    CASE
                        WHEN ABS(score1) >= GREATEST(ABS(score3), ABS(score8)) THEN 1
                        WHEN ABS(score3) >= ABS(score8) THEN 3
                        ELSE 8
                    END AS span
                FROM (
                    SELECT
                        *,
                        2e0 * (SQRT(observed + 0.375e0) - SQRT(base + 0.375e0))
                        / SQRT(spread2 * (1e0 + 1e0 / m)) AS score1,
                        2e0 * (SQRT(last3 + 0.375e0) - SQRT(3e0 * base + 0.375e0))
                        / SQRT(spread2 * (1e0 + 3e0 / m)) AS score3,
                        2e0 * (SQRT(last8 + 0.375e0) - SQRT(8e0 * base + 0.375e0))
                        / SQRT(spread2 * (1e0 + 8e0 / m)) AS score8
                    FROM (
                        SELECT
                            *,
                            LEAST(
                                GREATEST(
                                    (CAST(sum_of_squares AS DOUBLE) - sum_before * base)
                                    / (m - 1) / GREATEST(base, 1e0),
                                    1e0
                                ),
                                ${most_overdispersion}
                            ) AS spread2
                        FROM (
                            SELECT
                                *,
                                CAST(sum_before AS DOUBLE) / m AS base
                            FROM (
                                SELECT
                                    window_start,
                                    closed,
                                    category,
                                    observed,
                                    last3,
                                    last8,
                                    n - n8 AS m,
                                    total - total8 AS sum_before,
                                    squares - squares8 AS sum_of_squares
                                FROM (
                                    SELECT
                                        *,
                                        SUM(observed) OVER (
                                            PARTITION BY category
                                            ORDER BY closed
                                            ROWS BETWEEN 2 PRECEDING AND CURRENT ROW
                                        ) AS last3
                                    FROM (
                                        SELECT
                                            *,
                                            COUNT(*) OVER recent AS n8,
                                            SUM(clipped) OVER recent AS total8,
                                            SUM(clipped * clipped) OVER recent AS squares8,
                                            SUM(observed) OVER recent AS last8
                                        FROM (
                                            SELECT
                                                *,
                                                COUNT(*) OVER known AS n,
                                                SUM(clipped) OVER known AS total,
                                                SUM(clipped * clipped) OVER known AS squares
                                            FROM clipped_traffic
                                            WINDOW known AS (
                                                PARTITION BY category
                                                ORDER BY closed
                                                ROWS BETWEEN ${known_seconds} PRECEDING
                                                AND CURRENT ROW
                                            )
                                        )
                                        WINDOW recent AS (
                                            PARTITION BY category
                                            ORDER BY closed
                                            ROWS BETWEEN 7 PRECEDING AND CURRENT ROW
                                        )
                                    )
                                )
                            )
                            WHERE m >= ${least_seconds}
                        )
                    )
                )
            )
        )
    )
)
WHERE alert = 1 AND alerts = 1
