-- Anomaly scores of the sales of the last 1 to 16 seconds of each category, and of its silence.
-- Grain: second of append time, category, span; the first seconds have no row.
-- Several spans are scored, because a change of a rare category shows only over several seconds. The
-- silence since the last sale is a span without sales. It is as long as chance makes it, not as long as
-- a rule says, so its score counts less.
-- Each is compared with the nearest expectation among the thirds of the history: an episode in one
-- third neither hides the next episode nor makes the normal traffic after it an anomaly. The score
-- is the signed root of the Poisson deviance with a continuity correction of half a sale; it is on
-- the scale of a standard normal for many sales and for few. It is lower where every third of the
-- history varied more than chance, or where the history is short.
CREATE TEMPORARY VIEW scored_traffic AS
SELECT
    *,
    weight
    * SIGN(observed - expected)
    * SQRT(
        2e0 * GREATEST(
            observed_corrected * LN(observed_corrected / expected) - (observed_corrected - expected),
            0e0
        )
    )
    / SQRT(dispersion * (1e0 + span / history_rows)) AS score
FROM (
    SELECT
        *,
        CASE
            WHEN observed > expected THEN GREATEST(observed - 0.5e0, expected)
            ELSE LEAST(observed + 0.5e0, expected)
        END AS observed_corrected
    FROM (
        SELECT
            closed_at,
            category,
            history_rows,
            dispersion,
            span,
            observed,
            weight,
            GREATEST(LEAST(GREATEST(observed, span * min_rate), span * max_rate), 1e-9) AS expected
        FROM (
            SELECT
                *,
                LEAST(base_rate, COALESCE(older_rate, base_rate), COALESCE(oldest_rate, base_rate))
                    AS min_rate,
                GREATEST(
                    base_rate, COALESCE(older_rate, base_rate), COALESCE(oldest_rate, base_rate)
                ) AS max_rate
            FROM (
                SELECT
                    closed_at,
                    category,
                    sales_last_1s,
                    sales_last_2s,
                    sales_last_4s,
                    sales_last_8s,
                    sales_last_16s,
                    silence_s,
                    history_rows,
                    base_rate,
                    older_rate,
                    oldest_rate,
                    LEAST(
                        dispersion,
                        COALESCE(older_dispersion, dispersion),
                        COALESCE(oldest_dispersion, dispersion)
                    ) AS dispersion
                FROM traffic_baseline
                WHERE history_rows >= ${min_history_rows}
            )
        )
        CROSS JOIN UNNEST(ARRAY[
            ROW(1e0, CAST(sales_last_1s AS DOUBLE), 1e0),
            ROW(2e0, CAST(sales_last_2s AS DOUBLE), 1e0),
            ROW(4e0, CAST(sales_last_4s AS DOUBLE), 1e0),
            ROW(8e0, CAST(sales_last_8s AS DOUBLE), 1e0),
            ROW(16e0, CAST(sales_last_16s AS DOUBLE), 1e0),
            ROW(COALESCE(silence_s, 0e0), 0e0, ${silence_weight})
        ]) AS t (span, observed, weight)
    )
)
