-- Sink: sales at an unusual price or of an unusual quantity. Grain: partition, offset, kind.
CREATE TEMPORARY TABLE sale_anomaly (
    kafka_partition INT,
    kafka_offset BIGINT,
    kind STRING,
    transaction_id STRING,
    category STRING,
    amount DECIMAL(38, 2),
    expected DECIMAL(38, 2),
    score DOUBLE,
    PRIMARY KEY (kafka_partition, kafka_offset, kind) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = ${jdbc_url},
    'table-name' = 'sale_anomaly',
    'username' = ${jdbc_user},
    'password' = ${jdbc_password},
    'sink.buffer-flush.interval' = ${anomaly_flush},
    'sink.buffer-flush.max-rows' = ${flush_rows}
)
