-- How unusual the sales of the last one to sixteen seconds are for their category.
-- Grain: second of append time, category, span; the first seconds have no row.
-- A rare category needs seconds to show that it is silent, so several spans are looked at. Each is
-- compared with the nearest that a third of the past would let expect: an episode in one third
-- neither hides the next nor makes the quiet after it unusual. The score is the signed root of the
-- Poisson deviance with half a sale of continuity: on the scale of a standard normal for many sales
-- and for few. It is lower where every third of the past
-- varied more than chance, or where the past is short.
CREATE TEMPORARY VIEW scored_second AS
SELECT
    *,
    SIGN(observed - expected)
    * SQRT(2e0 * GREATEST(nearer * LN(nearer / expected) - (nearer - expected), 0e0))
    / SQRT(variation * (1e0 + CAST(span AS DOUBLE) / m)) AS score
FROM (
    SELECT
        *,
        CASE
            WHEN observed > expected THEN GREATEST(observed - 0.5e0, expected)
            ELSE LEAST(observed + 0.5e0, expected)
        END AS nearer
    FROM (
        SELECT
            closed,
            category,
            m,
            variation,
            span,
            observed,
            GREATEST(LEAST(GREATEST(observed, span * lowest), span * highest), 1e-9) AS expected
        FROM (
            SELECT
                *,
                LEAST(base, COALESCE(older_base, base), COALESCE(oldest_base, base)) AS lowest,
                GREATEST(base, COALESCE(older_base, base), COALESCE(oldest_base, base)) AS highest
            FROM (
                SELECT
                    closed,
                    category,
                    c1,
                    c2,
                    c4,
                    c8,
                    c16,
                    m,
                    base,
                    older_base,
                    oldest_base,
                    LEAST(
                        variation,
                        COALESCE(older_variation, variation),
                        COALESCE(oldest_variation, variation)
                    ) AS variation
                FROM known_traffic
                WHERE m >= ${least_seconds}
            )
        )
        CROSS JOIN UNNEST(ARRAY[
            ROW(1, CAST(c1 AS DOUBLE)),
            ROW(2, CAST(c2 AS DOUBLE)),
            ROW(4, CAST(c4 AS DOUBLE)),
            ROW(8, CAST(c8 AS DOUBLE)),
            ROW(16, CAST(c16 AS DOUBLE))
        ]) AS t (span, observed)
    )
)
