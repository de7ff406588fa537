-- Accepted sales of each category in each closed second of append time.
-- Grain: second of append time, category; a category without sales has no row yet.
CREATE TEMPORARY VIEW sales_per_second AS
SELECT
    window_time AS closed_at,
    category,
    COUNT(*) AS sales
FROM TABLE(TUMBLE(TABLE classified_sale, DESCRIPTOR(append_time), INTERVAL '1' SECOND))
WHERE outcome = 0
GROUP BY window_start, window_end, window_time, category
