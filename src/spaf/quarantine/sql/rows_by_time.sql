-- The rows of a reason since a time, oldest first. Grain: partition, offset.
SELECT
    q.kafka_partition AS partition,
    q.kafka_offset AS "offset",
    q.append_time,
    q.reason,
    q.payload,
    q.payload_bytes,
    q.category,
    q.currency,
    q.amount,
    q.lateness_ms,
    (
        SELECT count(*)
        FROM quarantine_replay AS r
        WHERE r.kafka_partition = q.kafka_partition AND r.kafka_offset = q.kafka_offset
    ) AS replays
FROM quarantine AS q
WHERE (%(reason)s::text IS NULL OR q.reason = %(reason)s)
    AND q.append_time >= coalesce(%(since)s::timestamptz, '-infinity')
ORDER BY q.append_time, q.kafka_partition, q.kafka_offset
