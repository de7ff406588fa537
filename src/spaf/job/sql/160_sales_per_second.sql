-- Accepted sales of each category in each closed second of append time, their revenue, and the
-- millisecond of the last one. Grain: second of append time, category; a category without sales has
-- no row yet.
CREATE TEMPORARY VIEW sales_per_second AS
SELECT
    window_time AS closed_at,
    category,
    COUNT(*) AS sales,
    CAST(MOD(MAX(append_ms), 1000) AS INT) AS last_sale_ms,
    SUM(revenue) AS revenue
FROM TABLE(TUMBLE(TABLE classified_sale, DESCRIPTOR(append_time), INTERVAL '1' SECOND))
WHERE ${accepted}
GROUP BY window_start, window_end, window_time, category
