-- Sales and money. Grain: second of event time, category, currency.
SELECT
    event_ms // 1000 AS second,
    category,
    currency,
    count(*) FILTER (WHERE is_summed) AS sales,
    coalesce(sum(quantity) FILTER (WHERE is_summed), 0) AS units,
    coalesce(sum(unit_cents * quantity) FILTER (WHERE is_summed), 0) AS cents,
    bool_or(leaves_open) AS is_open
FROM sale
GROUP BY ALL;
