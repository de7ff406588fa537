-- Insert a number of offsets without a record. Grain: partition, range of the ledger.
INSERT INTO offsets_without_record (kafka_partition, first_offset, offsets)
VALUES (%(partition)s, %(first_offset)s, %(offsets)s)
