-- Record partition and offset of the new sale. Grain: partition, offset, attempt.
UPDATE quarantine_replay
SET new_partition = %(new_partition)s,
    new_offset = %(new_offset)s,
    replayed_at = clock_timestamp()
WHERE kafka_partition = %(partition)s
    AND kafka_offset = %(offset)s
    AND attempt = %(attempt)s
