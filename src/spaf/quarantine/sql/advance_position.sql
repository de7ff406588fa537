-- Advance a position, unless another process has or the rules differ. Grain: partition.
INSERT INTO quarantine_position AS p (
    kafka_partition, next_offset, append_second, accepted, late, refused, rules
)
VALUES (
    %(partition)s, %(next_offset)s, %(append_second)s, %(accepted)s, %(late)s, %(refused)s,
    %(rules)s
)
ON CONFLICT (kafka_partition) DO UPDATE
SET next_offset = excluded.next_offset,
    append_second = excluded.append_second,
    accepted = excluded.accepted,
    late = excluded.late,
    refused = excluded.refused,
    updated_at = clock_timestamp()
WHERE p.next_offset = %(expected_offset)s AND p.rules = excluded.rules
