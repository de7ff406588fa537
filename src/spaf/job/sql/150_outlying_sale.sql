-- Sales at an unusual price, or of an unusual number of pieces, for their product.
-- Grain: kafka_partition, kafka_offset (a sale has one kind at most; of two the price).
-- Leave-one-out scores of logarithms: the sale itself is taken out of the sums, else it would hide
-- in its own spread. Logarithms are whole numbers (1e-6), so the running sums are exact and another
-- program gets the same ones. Rows of one partition and product arrive in offset order, so the
-- frame is a function of the log. The spread of the prices has an upper bound, so that one typo
-- among the sales before cannot hide the next.
CREATE TEMPORARY VIEW outlying_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    CASE
        WHEN price_score > ${outlier_score} THEN 'high_price'
        WHEN price_score < -${outlier_score} THEN 'low_price'
        ELSE 'bulk_quantity'
    END AS kind,
    -- An identifier that is too long or holds control characters is not repeated.
    CASE
        WHEN REGEXP(transaction_id, '\A[^\x00-\x1F\x7F-\x9F]{1,64}\z') THEN transaction_id
    END AS transaction_id,
    category,
    CAST(unit_cents * quantity * 0.01 AS DECIMAL(38, 2)) AS amount,
    CAST(
        CASE
            WHEN ABS(price_score) > ${outlier_score} THEN (EXP(mean_price / 1e6) - 1e0) * quantity
            ELSE unit_cents * EXP(mean_quantity / 1e6)
        END * 0.01e0 AS DECIMAL(38, 2)
    ) AS expected,
    CASE
        WHEN ABS(price_score) > ${outlier_score} THEN price_score
        ELSE quantity_score
    END AS score
FROM (
    SELECT
        *,
        (price - mean_price)
        / LEAST(
            GREATEST(
                SQRT(
                    GREATEST(
                        (CAST(prices2 - price * price AS DOUBLE) - (prices - price) * mean_price)
                        / (n - 2),
                        0e0
                    )
                ),
                ${least_spread}
            ),
            ${most_spread}
        ) AS price_score,
        (pieces - mean_quantity) / ${quantity_spread} AS quantity_score
    FROM (
        SELECT
            *,
            CAST(prices - price AS DOUBLE) / (n - 1) AS mean_price,
            CAST(quantities - pieces AS DOUBLE) / (n - 1) AS mean_quantity
        FROM (
            SELECT
                kafka_partition,
                kafka_offset,
                transaction_id,
                category,
                unit_cents,
                quantity,
                price,
                pieces,
                COUNT(*) OVER earlier AS n,
                SUM(price) OVER earlier AS prices,
                SUM(price2) OVER earlier AS prices2,
                SUM(pieces) OVER earlier AS quantities
            FROM (
                SELECT
                    *,
                    price * price AS price2
                FROM (
                    SELECT
                        *,
                        COALESCE(
                            CAST(FLOOR(LN(CAST(unit_cents + 1 AS DOUBLE)) * 1e6 + 0.5e0) AS BIGINT),
                            0
                        ) AS price,
                        COALESCE(
                            CAST(FLOOR(LN(CAST(quantity AS DOUBLE)) * 1e6 + 0.5e0) AS BIGINT), 0
                        ) AS pieces
                    FROM judged_sale
                    WHERE outcome = 0
                )
            )
            WINDOW earlier AS (
                PARTITION BY kafka_partition, product_id, currency
                ORDER BY arrival
                ROWS BETWEEN ${outlier_rows} PRECEDING AND CURRENT ROW
            )
        )
        WHERE n > ${least_history}
    )
)
WHERE ABS(price_score) > ${outlier_score} OR quantity_score > ${outlier_score}
