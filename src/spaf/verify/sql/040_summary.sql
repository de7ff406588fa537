-- Sales and money. Grain: second of event time, category, currency.
SELECT
    event_ms // 1000 AS second,
    category,
    currency,
    count(*) FILTER (WHERE counted) AS sales,
    coalesce(sum(quantity) FILTER (WHERE counted), 0) AS units,
    coalesce(sum(unit_cents * quantity) FILTER (WHERE counted), 0) AS cents,
    bool_or(NOT counted) AS is_open
FROM event
WHERE outcome = 0
GROUP BY ALL;
