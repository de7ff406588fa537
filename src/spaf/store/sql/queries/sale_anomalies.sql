-- sale_anomaly, for verification. Grain: partition, offset, kind.
SELECT
    kafka_partition,
    kafka_offset,
    kind,
    transaction_id,
    category,
    amount,
    expected,
    score
FROM sale_anomaly
