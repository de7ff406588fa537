-- The last readable record of the dropped seconds. Grain: partition.
SELECT
    kafka_partition,
    max_offset
FROM retention_ledger
ORDER BY kafka_partition
