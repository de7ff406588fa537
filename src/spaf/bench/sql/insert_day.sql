-- Sales in every second and category of a range; amounts vary a little. Grain: second, category.
INSERT INTO sales_summary (
    window_start, category, currency, sales_count, units_sold, total_sales, created_at, updated_at
)
SELECT
    to_timestamp(s.second) AS window_start,
    c.name AS category,
    %(currency)s AS currency,
    3 + mod(s.second / 60 + c.place * 7, 11) AS sales_count,
    5 + mod(s.second / 60 + c.place * 7, 23) AS units_sold,
    100.25 + mod(s.second + c.place, 900) AS total_sales,
    to_timestamp(s.second + 1) AS created_at,
    to_timestamp(s.second + 1) AS updated_at
FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) AS s (second)
CROSS JOIN unnest(%(categories)s::text[]) WITH ORDINALITY AS c (name, place)
ORDER BY s.second, c.place
ON CONFLICT DO NOTHING
