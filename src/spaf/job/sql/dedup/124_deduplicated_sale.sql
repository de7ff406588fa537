-- The first copy of each identified sale, and whether its copies differ in content.
-- Grain: identifier, block of append time.
-- First means appended first, not read first: MIN over the position in the log, so that the result
-- does not depend on how the partitions interleave. When an earlier copy is read, the row changes,
-- and so do the sums over it.
CREATE TEMPORARY VIEW deduplicated_sale AS
SELECT
    block,
    copies,
    CAST(SUBSTRING(first_copy, 39, 13) AS BIGINT) - 1000000000000 AS event_second,
    CAST(SUBSTRING(first_copy, 52, 19) AS BIGINT) - 1000000000000000000 AS amount,
    SUBSTRING(first_copy, 71, 3) AS currency,
    SUBSTRING(first_copy, 74) AS category,
    min_content <> max_content AS conflicting
FROM (
    SELECT /*+ STATE_TTL('identified_sale' = ${duplicate_ttl}) */
        id,
        block,
        COUNT(*) AS copies,
        MIN(log_position || event_text || content) AS first_copy,
        MIN(content) AS min_content,
        MAX(content) AS max_content
    FROM identified_sale
    WHERE id IS NOT NULL
    GROUP BY id, block
)
