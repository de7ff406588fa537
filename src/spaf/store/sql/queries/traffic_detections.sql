-- Time at which each traffic anomaly was written, epoch µs. Grain: second, category, kind.
SELECT
    extract(EPOCH FROM window_start)::bigint AS second,
    category,
    kind,
    (extract(EPOCH FROM detected_at) * 1000000)::bigint AS detected_us
FROM window_anomaly
