-- Copies of identified sales beyond the first. Grain: block of append time.
-- Per block, not per second or partition: which copy is the first may change while the partitions
-- are read, but the block of a copy never changes.
CREATE TEMPORARY VIEW duplicates_per_block AS
SELECT
    CAST(TO_TIMESTAMP_LTZ(block * ${duplicate_block_ms}, 3) AS TIMESTAMP(3)) AS block_start,
    CAST(TO_TIMESTAMP_LTZ((block + 1) * ${duplicate_block_ms}, 3) AS TIMESTAMP(3)) AS block_end,
    duplicates,
    conflicting
FROM (
    SELECT /*+ STATE_TTL('deduplicated_sale' = ${counted_ttl}) */
        block,
        SUM(copies - 1) AS duplicates,
        COUNT(*) FILTER (WHERE conflicting) AS conflicting
    FROM deduplicated_sale
    WHERE copies > 1
    GROUP BY block
)
