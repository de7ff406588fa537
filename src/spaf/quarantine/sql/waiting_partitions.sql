-- Partitions with records that are not explained yet, and the progress of each. Grain: partition.
SELECT
    t.kafka_partition,
    t.done_offset,
    coalesce(p.next_offset, r.max_offset + 1, t.start_offset) AS next_offset,
    p.append_second,
    coalesce(p.accepted, 0) AS accepted,
    coalesce(p.late, 0) AS late,
    coalesce(p.refused, 0) AS refused
FROM topic_position AS t
LEFT JOIN quarantine_position AS p USING (kafka_partition)
LEFT JOIN retention_ledger AS r USING (kafka_partition)
WHERE t.done_offset > coalesce(p.next_offset, r.max_offset + 1, t.start_offset)
ORDER BY t.kafka_partition
