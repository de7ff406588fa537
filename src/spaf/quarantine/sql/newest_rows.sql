-- The newest rows of a reason, or those before a row, newest first. Grain: partition, offset.
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
    AND (
        %(before_time)s::timestamptz IS NULL
        OR (q.append_time, q.kafka_partition, q.kafka_offset)
        < (%(before_time)s, %(before_partition)s::integer, %(before_offset)s::bigint)
    )
ORDER BY q.append_time DESC, q.kafka_partition DESC, q.kafka_offset DESC
LIMIT %(limit)s
