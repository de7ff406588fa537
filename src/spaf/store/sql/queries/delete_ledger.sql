-- Delete the ledger, to count it by other rules. Grain: partition, second.
DELETE FROM ledger_second
