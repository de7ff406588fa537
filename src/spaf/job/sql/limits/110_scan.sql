-- Count records without decoding them. Grain: partition.
INSERT INTO record_count
SELECT
    kafka_partition,
    COUNT(*) AS records,
    COUNT(record) AS field_values
FROM raw_log
GROUP BY kafka_partition
