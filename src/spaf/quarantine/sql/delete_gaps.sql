-- Delete the counts of offsets without a record. Grain: partition, range of the ledger.
DELETE FROM offsets_without_record
