-- The first copy of each identified sale, and whether all copies say the same.
-- Grain: identifier, block of append time.
-- First is what was appended first, not what is read first: MIN over the place in the log, so that
-- the answer does not depend on how the partitions interleave. Once an earlier copy is read the row
-- changes, and with it the sums that it feeds.
CREATE TEMPORARY VIEW sale_of_id AS
SELECT
    block,
    copies,
    CAST(SUBSTRING(first_copy, 39, 13) AS BIGINT) - 1000000000000 AS event_second,
    CAST(SUBSTRING(first_copy, 52, 19) AS BIGINT) - 1000000000000000000 AS amount,
    SUBSTRING(first_copy, 71, 3) AS currency,
    SUBSTRING(first_copy, 74) AS category,
    least_sold <> most_sold AS conflicting
FROM (
    SELECT /*+ STATE_TTL('identified_sale' = ${duplicate_ttl}) */
        id,
        block,
        COUNT(*) AS copies,
        MIN(place || event_text || sold) AS first_copy,
        MIN(sold) AS least_sold,
        MAX(sold) AS most_sold
    FROM identified_sale
    WHERE id IS NOT NULL
    GROUP BY id, block
)
