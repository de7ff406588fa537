-- Source of the scan: the topic, undecoded. Grain: kafka_partition, kafka_offset.
-- It reads with the options of sale_log.
CREATE TEMPORARY TABLE raw_log (
    record BYTES,
    kafka_partition INT METADATA FROM 'partition' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = ${topic},
    'properties.bootstrap.servers' = ${bootstrap_servers},
    ${kafka_security}'properties.group.id' = ${group},
    'scan.startup.mode' = 'group-offsets',
    'properties.auto.offset.reset' = 'none',
    'properties.isolation.level' = 'read_committed',
    'properties.max.poll.records' = '5000',
    'properties.max.partition.fetch.bytes' = '4194304',
    'scan.topic-partition-discovery.interval' = '0',
    'format' = 'raw'
)
