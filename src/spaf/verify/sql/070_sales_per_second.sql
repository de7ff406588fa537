-- Accepted sales of each category in each closed second with any accepted sale, and the millisecond of
-- the last one. Grain: second of append time, category; a category without sales has a row of 0.
CREATE TABLE sales_per_second AS
WITH accepted_sales AS (
    SELECT
        append_second,
        CASE
            WHEN category IN (SELECT known_category.category FROM known_category) THEN category
            ELSE '(other)'
        END AS category,
        count(*) AS sales,
        max(append_ms % 1000) AS last_sale_ms
    FROM event
    WHERE outcome = 0 AND append_second < $end_second
    GROUP BY ALL
)

SELECT
    s.append_second,
    k.category,
    coalesce(accepted_sales.sales, 0) AS sales,
    accepted_sales.last_sale_ms
FROM (SELECT DISTINCT append_second FROM accepted_sales) AS s
CROSS JOIN (
    SELECT category FROM known_category
    UNION ALL
    SELECT '(other)'
) AS k
LEFT JOIN accepted_sales USING (append_second, category);
