-- Sales, units and money in cents of each step. Grain: step of time, category, currency.
-- Only the largest pairs of category and currency keep their names, which come from outside. The
-- rest is summed up: by currency where a largest pair has the same one, else without money.
WITH grouped AS MATERIALIZED (
    SELECT
        date_bin(
            make_interval(secs => %(step)s), window_start, to_timestamp(%(first)s)
        ) AS bucket,
        category,
        currency,
        sum(sales_count) AS sales,
        sum(units_sold) AS units,
        sum(total_sales) AS money
    FROM sales_summary
    WHERE window_start >= to_timestamp(%(first)s) AND window_start < to_timestamp(%(last)s)
    GROUP BY 1, 2, 3
),

largest AS MATERIALIZED (
    SELECT
        category,
        currency
    FROM grouped
    GROUP BY 1, 2
    ORDER BY sum(sales) DESC, 1 ASC, 2 ASC
    LIMIT %(series)s
),

named AS (
    SELECT
        g.bucket,
        coalesce(l.category, '') AS category,
        CASE
            WHEN l.category IS NULL AND g.currency NOT IN (SELECT p.currency FROM largest AS p)
                THEN ''
            ELSE g.currency
        END AS currency,
        g.sales,
        g.units,
        g.money
    FROM grouped AS g
    LEFT JOIN largest AS l ON g.category = l.category AND g.currency = l.currency
)

SELECT
    extract(EPOCH FROM bucket)::bigint AS second,
    category,
    currency,
    sum(sales)::bigint AS sales_count,
    sum(units)::bigint AS units_sold,
    CASE currency WHEN '' THEN '0' ELSE round(sum(money) * 100)::text END AS cents,
    0::bigint AS updated_ms
FROM named
GROUP BY bucket, category, currency
