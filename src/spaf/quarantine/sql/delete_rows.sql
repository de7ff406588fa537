-- Delete every row of the quarantine. Grain: partition, offset.
DELETE FROM quarantine
