-- Anomalies of sales, as the job writes them. Grain: partition, offset, kind.
INSERT INTO sale_anomaly (
    kafka_partition, kafka_offset, kind, transaction_id, category, amount, expected, score
)
SELECT
    1 AS kafka_partition,
    n.number AS kafka_offset,
    'high_price' AS kind,
    md5(n.number::text) AS transaction_id,
    'electronics' AS category,
    1234.56 AS amount,
    78.90 AS expected,
    12.3456789 AS score
FROM generate_series(1, %(rows)s::bigint) AS n (number)
