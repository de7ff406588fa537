-- Sink: records that were read. Grain: partition.
CREATE TEMPORARY TABLE record_count (
    kafka_partition INT,
    records BIGINT,
    field_values BIGINT,
    PRIMARY KEY (kafka_partition) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = ${jdbc_url},
    'table-name' = 'record_count',
    'username' = ${jdbc_user},
    'password' = ${jdbc_password},
    'sink.buffer-flush.interval' = ${summary_flush},
    'sink.buffer-flush.max-rows' = '0'
)
