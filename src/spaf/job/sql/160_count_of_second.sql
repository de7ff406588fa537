-- Accepted sales of each category in each closed second of append time.
-- Grain: second of append time, category; a silent category has no row yet.
CREATE TEMPORARY VIEW count_of_second AS
SELECT
    window_time AS closed,
    category,
    COUNT(*) AS sales
FROM TABLE(TUMBLE(TABLE judged_sale, DESCRIPTOR(append_time), INTERVAL '1' SECOND))
WHERE outcome = 0
GROUP BY window_start, window_end, window_time, category
