-- Sales at an unusual price or of an unusual quantity. Grain: partition, offset, array index.
-- Scores slightly below the threshold are included, because rounding may have put them there.
-- The logarithms are whole numbers in DOUBLE, and so are their sums up to 2^53, which ten million
-- sales of the highest price in a group do not reach: sums of integers take three times as long.
WITH sale_group AS (
    SELECT
        *,
        row_number() OVER () AS group_id
    FROM (
        SELECT DISTINCT
            kafka_partition,
            product,
            currency,
            append_second // $block_s AS block
        FROM event
        WHERE outcome = 0
    ) AS distinct_group
),

-- Few columns and no text, because the window sorts them.
logarithm AS (
    SELECT
        g.group_id,
        event.kafka_offset,
        event.array_index,
        floor(ln(event.unit_cents + 1) * $log_scale + 0.5) AS log_price,
        floor(ln(event.quantity) * $log_scale + 0.5) AS log_quantity
    FROM event
    INNER JOIN sale_group AS g
        ON
            event.kafka_partition = g.kafka_partition
            AND event.product = g.product
            AND event.currency = g.currency
            AND event.append_second // $block_s = g.block
    WHERE event.outcome = 0
),

running AS (
    SELECT
        *,
        count(*) OVER so_far AS running_rows,
        sum(log_price) OVER so_far AS running_log_price,
        sum(log_price * log_price) OVER so_far AS running_squared_log_price,
        sum(log_quantity) OVER so_far AS running_log_quantity
    FROM logarithm
    WINDOW
        so_far AS (
            PARTITION BY group_id
            ORDER BY kafka_offset, array_index
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

with_means AS (
    SELECT
        *,
        (running_log_price - log_price) / (running_rows - 1) AS mean_log_price,
        (running_log_quantity - log_quantity) / (running_rows - 1) AS mean_log_quantity
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
                            (running_squared_log_price - log_price * log_price)
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
),

outlier AS (
    SELECT *
    FROM scored
    WHERE greatest(abs(price_score), abs(quantity_score)) > $threshold * 0.999999
)

SELECT
    event.kafka_partition,
    event.kafka_offset,
    CASE
        WHEN regexp_full_match(event.transaction_id, '[^\x00-\x1f\x7f-\x{9f}]{1,64}')
            THEN event.transaction_id
    END AS transaction_id,
    event.category,
    event.unit_cents * event.quantity AS cents,
    outlier.price_score,
    outlier.quantity_score,
    (exp(outlier.mean_log_price / $log_scale) - 1) * event.quantity AS price_expected,
    event.unit_cents * exp(outlier.mean_log_quantity / $log_scale) AS quantity_expected
FROM outlier
INNER JOIN sale_group AS g ON outlier.group_id = g.group_id
INNER JOIN event
    ON
        g.kafka_partition = event.kafka_partition
        AND outlier.kafka_offset = event.kafka_offset
        AND outlier.array_index = event.array_index
ORDER BY event.kafka_partition, event.kafka_offset, event.array_index;
