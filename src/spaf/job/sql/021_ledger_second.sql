-- Sink: readable records by outcome. Grain: partition, second of append time.
CREATE TEMPORARY TABLE ledger_second (
    kafka_partition INT,
    append_second TIMESTAMP(3),
    accepted BIGINT,
    late BIGINT,
    refused BIGINT,
    min_offset BIGINT,
    max_offset BIGINT,
    PRIMARY KEY (kafka_partition, append_second) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = ${jdbc_url},
    'table-name' = 'ledger_second',
    'username' = ${jdbc_user},
    'password' = ${jdbc_password},
    'sink.buffer-flush.interval' = ${ledger_flush},
    'sink.buffer-flush.max-rows' = ${flush_rows}
)
