-- Accepted sales of each second, with a zero for each category that the row is not of.
-- Grain: second of append time, category of the sales, category of the row.
-- A plain GROUP BY has no row for a category without sales. Categories outside the catalogue are
-- (other).
CREATE TEMPORARY VIEW sales_with_zeros AS
SELECT
    closed_at,
    t.category AS category,
    CASE WHEN t.category = sold THEN sales ELSE CAST(0 AS BIGINT) END AS sales,
    CASE WHEN t.category = sold THEN revenue ELSE CAST(0 AS BIGINT) END AS revenue,
    CASE WHEN t.category = sold THEN last_sale_ms END AS last_sale_ms
FROM (
    SELECT
        closed_at,
        CASE WHEN category IN (${known_categories}) THEN category ELSE ${other_categories} END AS sold,
        sales,
        revenue,
        last_sale_ms
    FROM sales_per_second
)
-- The array depends on the row, because Flink expands no other.
CROSS JOIN UNNEST(CASE WHEN sales > 0 THEN ARRAY[${all_categories}] END) AS t (category)
