-- Change the same rows of a session once more, as a sink does. Grain: second, category, currency.
INSERT INTO sales_summary (
    window_start, category, currency, sales_count, units_sold, total_sales
)
SELECT
    to_timestamp(%(second)s) AS window_start,
    'category ' || %(session)s::integer || ' ' || n.number AS category,
    'BRL' AS currency,
    1 AS sales_count,
    1 AS units_sold,
    9.99 AS total_sales
FROM generate_series(1, %(rows)s::integer) AS n (number)
ON CONFLICT (window_start, category, currency) DO UPDATE
SET sales_count = sales_summary.sales_count + 1,
    units_sold = sales_summary.units_sold + 1,
    total_sales = sales_summary.total_sales + 9.99
