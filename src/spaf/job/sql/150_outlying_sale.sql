-- Sales whose amount is far from the last sales of their category.
-- Grain: kafka_partition, kafka_offset, kind.
-- A leave-one-out z-score of the logarithm of the amount: the sale itself is taken out of the
-- sums, else it would hide in its own spread. Logarithms are whole numbers (1e-6), so the running
-- sums are exact and another program gets the same ones. Rows of one partition and category
-- arrive in offset order, so the frame is a function of the log.
CREATE TEMPORARY VIEW outlying_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    CASE WHEN score > 0e0 THEN 'high_amount' ELSE 'low_amount' END AS kind,
    -- An identifier that is too long or holds control characters is not repeated.
    CASE
        WHEN REGEXP(transaction_id, '\A[^\x00-\x1F\x7F-\x9F]{1,64}\z') THEN transaction_id
    END AS transaction_id,
    category,
    CAST(cents * 0.01 AS DECIMAL(38, 2)) AS amount,
    CAST((EXP(mean / 1e6) - 1e0) * 0.01e0 AS DECIMAL(38, 2)) AS expected,
    score
FROM (
    SELECT
        *,
        (x - mean)
        / SQRT(GREATEST((CAST(q - x * x AS DOUBLE) - (s - x) * mean) / (n - 2), ${least_variance}))
            AS score
    FROM (
        SELECT
            *,
            CAST(s - x AS DOUBLE) / (n - 1) AS mean
        FROM (
            SELECT
                kafka_partition,
                kafka_offset,
                transaction_id,
                category,
                cents,
                x,
                COUNT(*) OVER earlier AS n,
                SUM(x) OVER earlier AS s,
                SUM(x2) OVER earlier AS q
            FROM (
                SELECT
                    *,
                    x * x AS x2
                FROM (
                    SELECT
                        *,
                        COALESCE(
                            CAST(FLOOR(LN(CAST(cents + 1 AS DOUBLE)) * 1e6 + 0.5e0) AS BIGINT), 0
                        ) AS x
                    FROM judged_sale
                    WHERE outcome = 0
                )
            )
            WINDOW earlier AS (
                PARTITION BY kafka_partition, category
                ORDER BY arrival
                ROWS BETWEEN ${outlier_rows} PRECEDING AND CURRENT ROW
            )
        )
        WHERE n > ${least_history}
    )
)
WHERE ABS(score) > ${outlier_score}
