-- Delete every count. Grain: partition, reason, currency.
DELETE FROM quarantine_count
