-- Sales, units and money in each second. Grain: second of event time, category, currency.
-- A running GROUP BY, not a window: each sale updates its row at once, whatever its event time. The
-- sum is kept in two halves, so that no number of the largest sales can overflow a BIGINT.
CREATE TEMPORARY VIEW summary_per_second AS
SELECT
    CAST(TO_TIMESTAMP_LTZ(event_second * 1000, 3) AS TIMESTAMP(3)) AS window_start,
    category,
    currency,
    sales_count,
    units_sold,
    CAST((CAST(billions AS DECIMAL(20, 0)) * 1000000000 + rest) * 0.01 AS DECIMAL(38, 2))
        AS total_sales
FROM (
    SELECT /*+ STATE_TTL('classified_sale' = ${state_ttl}) */
        (append_ms - lateness_ms) / 1000 AS event_second,
        category,
        currency,
        COUNT(*) AS sales_count,
        SUM(quantity) AS units_sold,
        SUM(unit_cents * quantity / 1000000000) AS billions,
        -- MOD has the type of its divisor, and a SUM of INT is an INT: it would overflow.
        SUM(MOD(unit_cents * quantity, CAST(1000000000 AS BIGINT))) AS rest
    FROM classified_sale
    WHERE ${accepted}
    GROUP BY (append_ms - lateness_ms) / 1000, category, currency
)
