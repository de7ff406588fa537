-- Accepted sales with how unusual their price and their number of pieces are for their product.
-- Grain: kafka_partition, kafka_offset; the first sales of a product have no row.
-- Leave-one-out scores of logarithms: the sale itself is taken out of the sums, else it would hide
-- in its own spread. Logarithms are whole numbers (1e-3), so the running sums are exact and another
-- program gets the same ones. Rows of one partition and product arrive in offset order, so the sums
-- are a function of the log; they begin anew with each block of append time. Running sums keep no
-- rows: a long history costs no more than a short one. The spread of the prices has an upper bound,
-- so that the typos before cannot hide the next.
CREATE TEMPORARY VIEW scored_sale AS
SELECT
    *,
    CASE
        WHEN price_score > ${outlier_score} THEN 'high_price'
        WHEN price_score < -${outlier_score} THEN 'low_price'
        WHEN quantity_score > ${outlier_score} THEN 'bulk_quantity'
    END AS kind
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
        (pieces - mean_pieces) / ${quantity_spread} AS quantity_score
    FROM (
        SELECT
            *,
            CAST(prices - price AS DOUBLE) / (n - 1) AS mean_price,
            CAST(all_pieces - pieces AS DOUBLE) / (n - 1) AS mean_pieces
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
                SUM(price * price) OVER earlier AS prices2,
                SUM(pieces) OVER earlier AS all_pieces
            FROM (
                SELECT
                    *,
                    append_second / ${outlier_block_s} AS block,
                    COALESCE(
                        CAST(FLOOR(LN(CAST(unit_cents + 1 AS DOUBLE)) * 1e3 + 0.5e0) AS BIGINT), 0
                    ) AS price,
                    COALESCE(
                        CAST(FLOOR(LN(CAST(quantity AS DOUBLE)) * 1e3 + 0.5e0) AS BIGINT), 0
                    ) AS pieces
                FROM judged_sale
                WHERE outcome = 0
            )
            WINDOW earlier AS (
                PARTITION BY kafka_partition, product_id, currency, block
                ORDER BY arrival
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        )
        WHERE n > ${least_history}
    )
)
