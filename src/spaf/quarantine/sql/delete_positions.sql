-- Delete every position. Grain: partition.
DELETE FROM quarantine_position
