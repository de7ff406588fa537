-- Sales at an unusual price, or of an unusual number of pieces, for their product.
-- Grain: kafka_partition, kafka_offset, kind (a sale has one kind at most; of two the price).
-- A record may hold several sales (a JSON array), and of those two may be unusual in the same way.
-- They are judged side by side, so which comes first is chance: the one of the largest amount
-- stands for the record, whatever the order.
CREATE TEMPORARY VIEW outlying_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    kind,
    transaction_id,
    category,
    amount,
    expected,
    score
FROM (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY kafka_partition, kafka_offset, kind
            ORDER BY amount DESC, ABS(score) DESC, category ASC, COALESCE(transaction_id, '') ASC
        ) AS place
    FROM (
        SELECT
            kafka_partition,
            kafka_offset,
            kind,
            -- An identifier that is too long or holds control characters is not repeated.
            CASE
                WHEN REGEXP(transaction_id, '\A[^\x00-\x1F\x7F-\x9F]{1,64}\z') THEN transaction_id
            END AS transaction_id,
            category,
            CAST(unit_cents * quantity * 0.01 AS DECIMAL(38, 2)) AS amount,
            CAST(
                CASE
                    WHEN kind = 'bulk_quantity' THEN unit_cents * EXP(mean_pieces / 1e3)
                    ELSE (EXP(mean_price / 1e3) - 1e0) * quantity
                END * 0.01e0 AS DECIMAL(38, 2)
            ) AS expected,
            CASE WHEN kind = 'bulk_quantity' THEN quantity_score ELSE price_score END AS score
        FROM scored_sale
        WHERE kind IS NOT NULL
    )
)
WHERE place = 1
