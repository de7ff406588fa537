-- Accepted sales, and whether each is summed: a sale without an identifier is, and of the copies of
-- an identifier the first in the log. Grain: partition, offset, array index.
-- Only copies in the same block of append time are copies of each other. Several copies in one
-- record are ordered by their content. A counted first copy is open if a copy at or above the upper
-- bound precedes it; that copy is open too.
CREATE TABLE sale AS
WITH identified AS (
    SELECT
        *,
        CASE
            WHEN regexp_full_match(transaction_id, '[^\x00-\x1f\x7f-\x{9f}]{1,64}')
                THEN transaction_id
        END AS id,
        append_ms // getvariable('dedup_block_ms') AS block,
        event_ms // 1000 AS event_second,
        currency || category AS currency_category
    FROM event
    WHERE outcome = 0
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY id, block, is_counted
            ORDER BY
                append_ms, kafka_partition, kafka_offset,
                event_second, quantity, unit_cents, currency_category
        ) AS counted_rank,
        row_number() OVER (
            PARTITION BY id, block
            ORDER BY
                append_ms, kafka_partition, kafka_offset,
                event_second, quantity, unit_cents, currency_category
        ) AS overall_rank
    FROM identified
)

SELECT
    *,
    is_counted AND (id IS NULL OR counted_rank = 1) AS is_summed,
    NOT is_counted OR (id IS NOT NULL AND counted_rank = 1 AND overall_rank > 1) AS leaves_open
FROM ranked;
