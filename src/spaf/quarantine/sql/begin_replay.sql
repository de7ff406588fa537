-- Record that a replay begins, unless another process has. Grain: partition, offset, attempt.
INSERT INTO quarantine_replay (kafka_partition, kafka_offset, attempt)
VALUES (%(partition)s, %(offset)s, %(attempt)s)
ON CONFLICT DO NOTHING
