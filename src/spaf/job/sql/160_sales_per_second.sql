-- Accepted sales of each category in each closed second of append time, their revenue, and the
-- millisecond of the last one. Grain: second of append time, category; a category without sales has
-- no row yet.
-- revenue is that in the default currency, cents. One sale counts at most 10^10 currency units, so that
-- no sum overflows.
CREATE TEMPORARY VIEW sales_per_second AS
SELECT
    window_time AS closed_at,
    category,
    COUNT(*) AS sales,
    CAST(MOD(MAX(append_ms), 1000) AS INT) AS last_sale_ms,
    SUM(
        CASE
            WHEN currency <> ${default_currency} THEN CAST(0 AS BIGINT)
            WHEN unit_cents * quantity > ${max_revenue_cents} THEN ${max_revenue_cents}
            ELSE unit_cents * quantity
        END
    ) AS revenue
FROM TABLE(TUMBLE(TABLE classified_sale, DESCRIPTOR(append_time), INTERVAL '1' SECOND))
WHERE ${accepted}
GROUP BY window_start, window_end, window_time, category
