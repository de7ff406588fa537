-- Records by outcome. Grain: partition, second of append time.
SELECT
    kafka_partition,
    append_second,
    min(kafka_offset) FILTER (WHERE is_counted) AS min_offset,
    max(kafka_offset) FILTER (WHERE is_counted) AS max_offset,
    count(*) FILTER (WHERE is_counted AND outcome = 0) AS accepted,
    count(*) FILTER (WHERE is_counted AND outcome = 1) AS late,
    count(*) FILTER (WHERE is_counted AND array_index = 0) AS records,
    coalesce(max(kafka_offset) FILTER (WHERE is_counted AND outcome < 3), -1)
        AS last_readable_offset,
    bool_or(NOT is_counted) AS is_open,
    coalesce(
        sum(unit_cents * quantity) FILTER (WHERE is_counted AND outcome = 1), 0
    ) AS late_cents,
    max(append_ms) FILTER (WHERE is_counted AND outcome < 3) AS last_counted_ms,
    max(append_ms) FILTER (WHERE outcome < 3) AS last_readable_ms
FROM event
GROUP BY ALL;
