-- Add to the number of offsets without a record. Grain: partition.
UPDATE quarantine_position
SET without_record = without_record + %(offsets)s
WHERE kafka_partition = %(partition)s
