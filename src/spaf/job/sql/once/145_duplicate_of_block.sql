-- Copies of identified sales beyond the first. Grain: block of append time.
-- A block and not a second, nor a partition: which copy is the first, and so which of them are the
-- others, may change while the partitions are being read; in which block they are does not.
CREATE TEMPORARY VIEW duplicate_of_block AS
SELECT
    CAST(TO_TIMESTAMP_LTZ(CAST(block AS BIGINT) * ${duplicate_block_s} * 1000, 3) AS TIMESTAMP(3))
        AS block_start,
    CAST(
        TO_TIMESTAMP_LTZ((CAST(block AS BIGINT) + 1) * ${duplicate_block_s} * 1000, 3)
        AS TIMESTAMP(3)
    ) AS block_end,
    duplicates,
    conflicting
FROM (
    SELECT /*+ STATE_TTL('sale_of_id' = ${counted_ttl}) */
        block,
        SUM(copies - 1) AS duplicates,
        COUNT(*) FILTER (WHERE conflicting) AS conflicting
    FROM sale_of_id
    WHERE copies > 1
    GROUP BY block
)
