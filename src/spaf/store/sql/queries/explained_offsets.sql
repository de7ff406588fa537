-- Offset below which the quarantine has read every gap; 0 if it has only sampled. Grain: partition.
SELECT
    p.kafka_partition,
    CASE
        WHEN
            EXISTS (
                SELECT FROM quarantine_count AS c
                WHERE c.kafka_partition = p.kafka_partition
                    AND c.reason = 'not_read'
            )
            THEN 0
        ELSE p.next_offset
    END AS next_offset
FROM quarantine_position AS p
