-- Delete the anomalies of sales of dropped seconds. Grain: partition, offset, kind.
DELETE FROM sale_anomaly AS a
USING retention_ledger AS r
WHERE a.kafka_partition = r.kafka_partition AND a.kafka_offset <= r.max_offset
