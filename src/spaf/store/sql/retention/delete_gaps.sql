-- Delete the offsets without a record of dropped seconds. Grain: partition, range of the ledger.
DELETE FROM offsets_without_record AS o
USING retention_ledger AS r
WHERE o.kafka_partition = r.kafka_partition AND o.first_offset <= r.max_offset
