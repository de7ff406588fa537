-- Each accepted sale with its identifier, and its position in the log and its content as texts.
-- Grain: kafka_partition, kafka_offset.
-- The texts have a fixed width, so that they sort as the numbers do and can be split again: a power
-- of ten is added to each number. log_position has 38 characters (time in the block, partition,
-- offset), event_text 13, content 19 (quantity and unit cents), 3 (currency) and the category.
CREATE TEMPORARY VIEW identified_sale AS
SELECT
    event_ms / 1000 AS event_second,
    category,
    currency,
    quantity,
    unit_cents * quantity AS cents,
    -- An identifier that is too long or holds control characters is treated as missing.
    CASE
        WHEN REGEXP(transaction_id, '\A[^\x00-\x1F\x7F-\x9F]{1,64}\z') THEN transaction_id
    END AS id,
    append_ms / ${duplicate_block_ms} AS block,
    CAST(
        1000000000000000000
        + MOD(append_ms, ${duplicate_block_ms}) * 10000000000
        + kafka_partition AS STRING
    )
    || CAST(1000000000000000000 + kafka_offset AS STRING) AS log_position,
    CAST(1000000000000 + event_ms / 1000 AS STRING) AS event_text,
    CAST(1000000000000000000 + quantity * 1000000000000 + unit_cents AS STRING)
    || currency || category AS content
FROM classified_sale
WHERE ${accepted}
