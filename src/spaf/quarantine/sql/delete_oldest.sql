-- Delete the oldest rows of a reason, and return the bytes of each. Grain: partition, offset.
DELETE FROM quarantine AS q
USING (
    SELECT
        kafka_partition,
        kafka_offset
    FROM quarantine
    WHERE reason = %(reason)s
    ORDER BY append_time, kafka_partition, kafka_offset
    LIMIT %(limit)s
) AS o
WHERE q.kafka_partition = o.kafka_partition AND q.kafka_offset = o.kafka_offset
RETURNING coalesce(octet_length(q.payload), 0) AS payload_bytes
