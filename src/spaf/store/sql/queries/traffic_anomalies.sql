-- window_anomaly, for verification. Grain: second, category, kind.
SELECT
    extract(EPOCH FROM window_start)::bigint AS second,
    category,
    kind,
    observed,
    expected,
    score
FROM window_anomaly
