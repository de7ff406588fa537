-- Sales and revenue of each category in each closed minute, as series. Grain: measure, category, minute.
-- A minute without any accepted sale has no row. The unit is the mean amount of a sale so far.
CREATE TABLE minute_series AS
WITH accepted_sale AS (
    SELECT
        append_second // 60 AS minute,
        CASE
            WHEN category IN (SELECT known_category.category FROM known_category) THEN category
            ELSE '(other)'
        END AS category,
        CASE
            WHEN currency = getvariable('currency')
                THEN least(unit_cents * quantity, $max_revenue_cents)
            ELSE 0
        END AS cents
    FROM event
    WHERE outcome = 0 AND append_second // 60 < $end_second // 60
),

total AS (
    SELECT
        minute,
        category,
        count(*) AS sales,
        sum(cents) AS revenue
    FROM accepted_sale
    GROUP BY ALL
),

every_total AS (
    SELECT
        m.minute,
        k.category,
        coalesce(total.sales, 0) AS sales,
        coalesce(total.revenue, 0) AS revenue
    FROM (SELECT DISTINCT minute FROM accepted_sale) AS m
    CROSS JOIN (
        SELECT category FROM known_category
        UNION ALL
        SELECT '(other)'
    ) AS k
    LEFT JOIN total USING (minute, category)
),

series AS (
    SELECT
        'sales' AS measure,
        category,
        minute,
        sales::DOUBLE AS x,
        sales
    FROM every_total
    UNION ALL
    SELECT
        'revenue' AS measure,
        category,
        minute,
        revenue::DOUBLE AS x,
        sales
    FROM every_total
)

SELECT
    *,
    coalesce(sum(x) OVER so_far / nullif(sum(sales) OVER so_far, 0), 0) AS unit,
    minute // 60 AS hour_index,
    minute // 60 % 24 AS hour,
    isodow(epoch_ms(minute * 60000)) > 5 AS is_weekend
FROM series
WINDOW so_far AS (PARTITION BY measure, category ORDER BY minute);
