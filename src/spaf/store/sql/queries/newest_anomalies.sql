-- The newest anomalies of sales and of traffic. Grain: anomaly.
SELECT
    detected_at,
    kind,
    category,
    amount,
    expected,
    score
FROM sale_anomaly
UNION ALL
SELECT
    detected_at,
    kind,
    category,
    observed,
    expected::numeric,
    score
FROM window_anomaly
ORDER BY detected_at DESC
LIMIT %(limit)s
