-- Offset that a checkpoint has passed, and offset up to which all is counted. Grain: partition.
SELECT
    t.kafka_partition,
    t.done_offset,
    greatest(t.done_offset, t.start_offset, l.max_offset + 1) AS counted
FROM topic_position AS t
LEFT JOIN LATERAL (
    SELECT s.max_offset
    FROM ledger_second AS s
    WHERE s.kafka_partition = t.kafka_partition
    ORDER BY s.append_second DESC
    LIMIT 1
) AS l ON TRUE
