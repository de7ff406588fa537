-- Count the records of dropped seconds, which cannot be read again. Grain: partition, reason.
INSERT INTO quarantine_count (kafka_partition, reason, records)
SELECT
    r.kafka_partition,
    c.reason,
    c.records
FROM retention_ledger AS r
INNER JOIN topic_position AS t USING (kafka_partition)
CROSS JOIN LATERAL (
    VALUES
    ('late', r.late),
    ('not_read', r.max_offset + 1 - t.start_offset - r.accepted - r.late - r.without_record)
) AS c (reason, records)
WHERE c.records <> 0
