-- Store the start of the job and the offset up to which its results are complete. Grain: partition.
INSERT INTO topic_position (kafka_partition, start_offset, done_offset)
VALUES (%(partition)s, %(start_offset)s, %(done_offset)s)
ON CONFLICT (kafka_partition) DO UPDATE
SET done_offset = excluded.done_offset, updated_at = clock_timestamp()
WHERE topic_position.done_offset <> excluded.done_offset
