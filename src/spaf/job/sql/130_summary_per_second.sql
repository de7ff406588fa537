-- Sales, units and money in each second. Grain: second of event time, category, currency.
-- A running GROUP BY, not a window: each sale updates its row at once, whatever its event time. The
-- sum is kept in two halves, so that no number of the largest sales can overflow a BIGINT.
-- The groups have the time stamp of the table. From a number of seconds, converted afterwards, the
-- planner would not know that a group is a row of the table, and would send the row of before, too.
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
    SELECT /*+ STATE_TTL('classified_sale' = ${state_ttl}) */
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * (event_ms / 1000) AS window_start,
        category,
        currency,
        COUNT(*) AS sales_count,
        SUM(quantity) AS units_sold,
        SUM(unit_cents * quantity / 1000000000) AS billions,
        -- MOD has the type of its divisor, and a SUM of INT is an INT: it would overflow.
        SUM(MOD(unit_cents * quantity, CAST(1000000000 AS BIGINT))) AS rest
    FROM classified_sale
    WHERE ${accepted}
    GROUP BY
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * (event_ms / 1000),
        category,
        currency
)
