-- Sales and money. Grain: second of event time, category, currency.
SELECT
    event_ms // 1000 AS second,
    category,
    currency,
    count(*) FILTER (WHERE sells) AS sales,
    coalesce(sum(quantity) FILTER (WHERE sells), 0) AS units,
    coalesce(sum(unit_cents * quantity) FILTER (WHERE sells), 0) AS cents,
    bool_or(unsettles) AS is_open
FROM sale
GROUP BY ALL;
