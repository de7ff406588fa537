-- Accepted sales of each known category in each second, 0 for a category without sales, and the
-- millisecond of the last one. Grain: second of append time, category; categories outside the
-- catalogue are (other).
CREATE TEMPORARY VIEW traffic_per_second AS
SELECT
    window_time AS closed_at,
    category,
    SUM(sales) AS observed,
    MAX(last_sale_ms) AS last_sale_ms
FROM TABLE(TUMBLE(TABLE sales_with_zeros, DESCRIPTOR(closed_at), INTERVAL '1' SECOND))
GROUP BY window_start, window_end, window_time, category
