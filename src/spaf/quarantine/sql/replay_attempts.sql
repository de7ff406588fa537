-- Replays of a record, and the partition and offset of each new sale. Grain: attempt.
SELECT
    attempt,
    new_partition,
    new_offset
FROM quarantine_replay
WHERE kafka_partition = %(partition)s AND kafka_offset = %(offset)s
ORDER BY attempt
