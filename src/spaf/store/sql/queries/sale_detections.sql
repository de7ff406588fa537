-- Time at which each sale anomaly was written, epoch µs. Grain: partition, offset, kind.
SELECT
    transaction_id,
    (extract(EPOCH FROM detected_at) * 1000000)::bigint AS detected_us
FROM sale_anomaly
WHERE transaction_id IS NOT NULL
