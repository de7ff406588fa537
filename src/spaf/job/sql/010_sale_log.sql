-- Source: the topic, one row for each readable record. Grain: kafka_partition, kafka_offset.
-- Only the columns that the job uses are declared: the connector decodes every declared column.
-- Price and quantity are DOUBLE, which holds each amount of the contract to within 1e-4 cents.
-- DECIMAL or INT would round a third decimal or half a unit away; DOUBLE keeps it to be refused.
CREATE TEMPORARY TABLE sale_log (
    productId STRING,
    productCategory STRING,
    productPrice DOUBLE,
    productQuantity DOUBLE,
    currency STRING,
    transactionId STRING,
    eventTime STRING,
    transactionDate STRING,
    kafka_partition INT METADATA FROM 'partition' VIRTUAL,
    kafka_offset BIGINT METADATA FROM 'offset' VIRTUAL,
    append_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
    arrival AS PROCTIME(),
    -- Several records share a millisecond. Without the millisecond less, the last records of a
    -- second would be late for its window.
    WATERMARK FOR append_time AS append_time - INTERVAL '0.001' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = ${topic},
    'properties.bootstrap.servers' = ${bootstrap_servers},
    ${kafka_security}'properties.group.id' = ${group},
    -- SPAF commits the start offsets. A lost offset fails the job instead of counting twice.
    'scan.startup.mode' = 'group-offsets',
    'properties.auto.offset.reset' = 'none',
    'properties.isolation.level' = 'read_committed',
    'properties.max.poll.records' = ${poll_records},
    'properties.max.partition.fetch.bytes' = ${fetch_bytes},
    'scan.topic-partition-discovery.interval' = '0',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
)
