-- The newest sale anomalies before a time; money in cents. Grain: partition, offset, kind.
SELECT
    kind,
    category,
    round(amount * 100)::text AS cents,
    round(expected * 100)::text AS expected_cents,
    score,
    floor(extract(EPOCH FROM detected_at) * 1000)::bigint AS detected_ms,
    kafka_partition,
    kafka_offset,
    transaction_id
FROM sale_anomaly
WHERE detected_at < to_timestamp(%(before)s)
ORDER BY detected_at DESC
LIMIT %(limit)s
