-- Offsets and outcomes. Grain: partition.
SELECT *
FROM ingest_account
ORDER BY kafka_partition
