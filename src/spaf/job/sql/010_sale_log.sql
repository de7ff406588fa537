-- The topic as it is, one row a readable record. Grain: kafka_partition, kafka_offset.
-- Only what the job uses is declared, because the connector decodes every declared column.
-- Price and quantity are DOUBLE: it holds each amount of the contract to within 1e-4 cents, and,
-- unlike DECIMAL or INT, shows a third decimal or half a piece instead of rounding it away.
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
    -- Several records share a millisecond: one millisecond less, or the last of a second would be
    -- late for its window.
    WATERMARK FOR append_time AS append_time - INTERVAL '0.001' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = ${topic},
    'properties.bootstrap.servers' = ${bootstrap_servers},
    'properties.group.id' = ${group},
    -- The start is committed by SPAF; a lost offset fails loudly instead of counting twice.
    'scan.startup.mode' = 'group-offsets',
    'properties.auto.offset.reset' = 'none',
    'properties.isolation.level' = 'read_committed',
    'properties.max.poll.records' = '5000',
    'properties.max.partition.fetch.bytes' = '4194304',
    'scan.topic-partition-discovery.interval' = '0',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
)
