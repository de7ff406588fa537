-- The newest traffic anomalies before a time. Grain: second, category, kind.
SELECT
    kind,
    category,
    observed,
    expected,
    score,
    floor(extract(EPOCH FROM detected_at) * 1000)::bigint AS detected_ms,
    extract(EPOCH FROM window_start)::bigint AS second
FROM window_anomaly
WHERE detected_at < to_timestamp(%(before)s)
ORDER BY detected_at DESC
LIMIT %(limit)s
