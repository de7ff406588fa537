-- Records that are not plain, for the decoder of the contract. Grain: partition, offset.
SELECT
    kafka_partition,
    kafka_offset,
    append_ms,
    form,
    value
FROM record
WHERE product IS NULL;
