-- Sale anomalies from a time on, oldest first. Grain: partition, offset, kind.
SELECT
    detected_at,
    kafka_partition,
    kafka_offset,
    kind,
    transaction_id
FROM sale_anomaly
WHERE detected_at >= %(since)s
ORDER BY detected_at
LIMIT %(limit)s
