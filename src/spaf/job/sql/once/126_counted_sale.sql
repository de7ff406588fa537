-- What the sums are made of: accepted sales without an identifier, first copies of the others.
-- Grain: sale that counts; and a row that counts nothing for each identified copy.
-- The empty rows make every copy touch its second. After a restart the partitions may interleave
-- in another way: a second that has lost its only sale to an earlier copy is then still written
-- again, as empty, instead of keeping what it showed before the restart.
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
FROM sale_of_id
