-- Sales that the job reports. Grain: kafka_partition, kafka_offset, kind.
INSERT INTO found_sale
SELECT
    kafka_partition,
    kafka_offset,
    kind
FROM sale_outlier
