-- Traffic anomalies from a time on, oldest first. Grain: second, category, kind.
SELECT
    detected_at,
    category,
    extract(EPOCH FROM window_start)::bigint AS second,
    kind
FROM window_anomaly
WHERE detected_at >= %(since)s
ORDER BY detected_at
LIMIT %(limit)s
