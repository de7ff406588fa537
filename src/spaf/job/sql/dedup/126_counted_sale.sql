-- Input of the sums: accepted sales without an identifier, and first copies of the others.
-- Grain: counted sale, and a row of zeros for each identified copy.
-- The rows of zeros make every copy update its second. After a restart the partitions may
-- interleave differently: a second that has lost its only sale to an earlier copy is then still
-- written again, as zeros, instead of keeping its value from before the restart.
CREATE TEMPORARY VIEW counted_sale AS
SELECT
    event_second,
    category,
    currency,
    CASE WHEN id IS NULL THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS sales,
    CASE WHEN id IS NULL THEN quantity ELSE CAST(0 AS BIGINT) END AS quantity,
    CASE WHEN id IS NULL THEN cents ELSE CAST(0 AS BIGINT) END AS cents
FROM identified_sale
UNION ALL
SELECT
    event_second,
    category,
    currency,
    CAST(1 AS BIGINT) AS sales,
    amount / 1000000000000 AS quantity,
    (amount / 1000000000000) * MOD(amount, 1000000000000) AS cents
FROM deduplicated_sale
