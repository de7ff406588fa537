-- Accepted sales at an unusual price or of an unusual quantity for their product, and their scores.
-- Grain: kafka_partition, kafka_offset; the first sales of a product have no row.
-- Leave-one-out scores of logarithms: the sums exclude the sale itself, because an outlier would
-- widen the spread that it is compared with. The running sums are exact, and another program gets
-- the same ones. Rows of one partition and product arrive in offset order, so the sums are a function
-- of the log; they start again with each block of append time. Running sums keep no rows: a long
-- history costs no more than a short one. The spread of the prices has an upper bound, so that
-- earlier typing errors cannot hide the next one.
-- Each sale passes an exchange on its way to the sums, so few columns do: one number for partition
-- and block, and one text for product and currency.
CREATE TEMPORARY VIEW scored_sale AS
SELECT
    *,
    CAST(MOD(partition_block, ${partitions}) AS INT) AS kafka_partition,
    -- Expected amounts of the sale, cents.
    (EXP(mean_log_price / 1e3) - 1e0) * quantity AS price_expected,
    unit_cents * EXP(mean_log_quantity / 1e3) AS quantity_expected
FROM (
    SELECT *
    FROM (
        SELECT
            *,
            (log_price - mean_log_price)
            / LEAST(
                GREATEST(
                    SQRT(
                        GREATEST(
                            (
                                CAST(running_squared_log_price - log_price * log_price AS DOUBLE)
                                - (running_log_price - log_price) * mean_log_price
                            )
                            / (running_rows - 2),
                            0e0
                        )
                    ),
                    ${min_price_spread}
                ),
                ${max_price_spread}
            ) AS price_score,
            (log_quantity - mean_log_quantity) / ${quantity_spread} AS quantity_score
        FROM (
            SELECT
                *,
                CAST(running_log_price - log_price AS DOUBLE) / (running_rows - 1) AS mean_log_price,
                CAST(running_log_quantity - log_quantity AS DOUBLE) / (running_rows - 1)
                    AS mean_log_quantity
            FROM (
                SELECT
                    partition_block,
                    kafka_offset,
                    transaction_id,
                    category,
                    unit_cents,
                    quantity,
                    log_price,
                    log_quantity,
                    COUNT(*) OVER so_far AS running_rows,
                    SUM(log_price) OVER so_far AS running_log_price,
                    SUM(log_price * log_price) OVER so_far AS running_squared_log_price,
                    SUM(log_quantity) OVER so_far AS running_log_quantity
                FROM (
                    SELECT
                        *,
                        append_ms / ${outlier_block_ms} * ${partitions} + kafka_partition
                            AS partition_block
                    FROM classified_sale
                )
                -- Outside of the projection: next to classified_sale the filter would be an operator
                -- of its own, which the summary shares.
                WHERE ${accepted}
                WINDOW so_far AS (
                    PARTITION BY priced_product, partition_block
                    ORDER BY arrival
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                )
            )
            WHERE running_rows > ${min_history}
        )
    )
    -- Most sales are so near to the mean that their spread does not matter.
    WHERE
        (
            ABS(log_price - mean_log_price) > ${min_price_distance}
            OR ABS(log_quantity - mean_log_quantity) > ${min_quantity_distance}
        )
        AND (${is_unusual})
)
-- A row of an array is computed once; the expression of a column is repeated wherever it is named.
CROSS JOIN UNNEST(ARRAY[CASE ${sale_kind_cases} END]) AS t (kind)
