-- Sales at an unusual price, or of an unusual quantity, for their product.
-- Grain: kafka_partition, kafka_offset, kind (a sale has at most one kind).
-- A record may hold several sales (a JSON array), and two of them may have the same kind. Their
-- order inside the job is not fixed, so the sale with the largest amount represents the record.
CREATE TEMPORARY VIEW sale_outlier AS
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
        ) AS rank_in_record
    FROM (
        SELECT
            kafka_partition,
            kafka_offset,
            kind,
            -- An identifier that is too long or holds control characters is replaced by NULL.
            CASE
                WHEN REGEXP(transaction_id, '\A[^\x00-\x1F\x7F-\x9F]{1,64}\z') THEN transaction_id
            END AS transaction_id,
            category,
            CAST(unit_cents * quantity * 0.01 AS DECIMAL(38, 2)) AS amount,
            CAST(CASE ${sale_expected_cases} END * 0.01e0 AS DECIMAL(38, 2)) AS expected,
            CASE ${sale_score_cases} END AS score
        FROM scored_sale
        WHERE kind IS NOT NULL
    )
)
WHERE rank_in_record = 1
