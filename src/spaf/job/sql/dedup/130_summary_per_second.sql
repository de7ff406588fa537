-- Sales, units and money in each second, each sale once. Grain: second of event time, category,
-- currency. As without deduplication, except that a sale may be retracted: a second without any
-- sale left has a row of zeros, which a trigger of the table deletes. The state lives as long as
-- that of the sales in it: a change to a sum whose state had expired would start a new sum.
CREATE TEMPORARY VIEW summary_per_second AS
SELECT
    window_start,
    category,
    currency,
    sales_count,
    units_sold,
    CAST((CAST(billions AS DECIMAL(20, 0)) * 1000000000 + rest) * 0.01 AS DECIMAL(38, 2))
        AS total_sales
FROM (
    SELECT /*+ STATE_TTL('counted_sale' = ${counted_ttl}) */
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * event_second AS window_start,
        category,
        currency,
        SUM(sales) AS sales_count,
        SUM(quantity) AS units_sold,
        SUM(cents / 1000000000) AS billions,
        -- MOD has the type of its divisor, and a SUM of INT is an INT: it would overflow.
        SUM(MOD(cents, CAST(1000000000 AS BIGINT))) AS rest
    FROM counted_sale
    GROUP BY
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * event_second,
        category,
        currency
)
