-- Copies of identified sales beyond the first. Grain: block of append time.
-- Per block, not per second or partition: which copy is the first may change while the partitions
-- are read, but the block of a copy never changes.
CREATE TEMPORARY VIEW duplicates_per_block AS
SELECT
    block_start,
    block_start + INTERVAL '1' SECOND * (${duplicate_block_ms} / 1000) AS block_end,
    duplicates,
    conflicting
FROM (
    SELECT /*+ STATE_TTL('deduplicated_sale' = ${counted_ttl}) */
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * (block * ${duplicate_block_ms} / 1000) AS block_start,
        SUM(copies - 1) AS duplicates,
        COUNT(*) FILTER (WHERE conflicting) AS conflicting
    FROM deduplicated_sale
    WHERE copies > 1
    GROUP BY
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * (block * ${duplicate_block_ms} / 1000)
)
