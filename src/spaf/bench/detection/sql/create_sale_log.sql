-- The log of the job, from the table `line`. Grain: kafka_partition, kafka_offset.
CREATE TEMPORARY VIEW sale_log AS
SELECT
    ${fields},
    kafka_partition,
    kafka_offset,
    TO_TIMESTAMP_LTZ(append_ms, 3) AS append_time,
    kafka_offset AS arrival
FROM line
