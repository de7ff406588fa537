-- Sales at an unusual price or of an unusual quantity. Grain: partition, offset, array index.
-- Scores slightly below the threshold are included, because rounding may have put them there.
WITH sale AS (
    SELECT
        kafka_partition,
        kafka_offset,
        array_index,
        product,
        category,
        currency,
        unit_cents,
        quantity,
        transaction_id,
        append_second // $block_s AS block,
        floor(ln(unit_cents + 1) * $log_scale + 0.5)::BIGINT AS log_price,
        floor(ln(quantity) * $log_scale + 0.5)::BIGINT AS log_quantity
    FROM event
    WHERE outcome = 0
),

running AS (
    SELECT
        *,
        count(*) OVER so_far AS running_rows,
        sum(log_price) OVER so_far AS running_log_price,
        sum(log_price * log_price) OVER so_far AS running_squared_log_price,
        sum(log_quantity) OVER so_far AS running_log_quantity
    FROM sale
    WINDOW
        so_far AS (
            PARTITION BY kafka_partition, product, currency, block
            ORDER BY kafka_offset, array_index
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

with_means AS (
    SELECT
        *,
        (running_log_price - log_price)::DOUBLE / (running_rows - 1) AS mean_log_price,
        (running_log_quantity - log_quantity)::DOUBLE / (running_rows - 1) AS mean_log_quantity
    FROM running
    WHERE running_rows > $min_history
),

scored AS (
    SELECT
        *,
        (log_price - mean_log_price) / least(
            greatest(
                sqrt(
                    greatest(
                        (
                            (running_squared_log_price - log_price * log_price)::DOUBLE
                            - (running_log_price - log_price) * mean_log_price
                        ) / (running_rows - 2),
                        0
                    )
                ),
                $min_price_spread
            ),
            $max_price_spread
        ) AS price_score,
        (log_quantity - mean_log_quantity) / $quantity_spread AS quantity_score
    FROM with_means
)

SELECT
    kafka_partition,
    kafka_offset,
    CASE
        WHEN regexp_full_match(transaction_id, '[^\x00-\x1f\x7f-\x{9f}]{1,64}') THEN transaction_id
    END AS transaction_id,
    category,
    unit_cents * quantity AS cents,
    price_score,
    quantity_score,
    (exp(mean_log_price / $log_scale) - 1) * quantity AS price_expected,
    unit_cents * exp(mean_log_quantity / $log_scale) AS quantity_expected
FROM scored
WHERE greatest(abs(price_score), abs(quantity_score)) > $threshold * 0.999999
ORDER BY kafka_partition, kafka_offset, array_index;
