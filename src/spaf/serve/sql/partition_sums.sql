-- Offsets, outcomes of the seconds from a time on, and those of dropped seconds. Grain: partition.
SELECT
    t.kafka_partition,
    t.start_offset,
    t.done_offset,
    l.accepted,
    l.late,
    greatest(l.max_offset, d.max_offset) AS max_offset,
    l.newest,
    coalesce(q.without_record, 0) + coalesce(d.without_record, 0) AS without_record,
    coalesce(d.accepted, 0) AS dropped_accepted,
    coalesce(d.late, 0) AS dropped_late
FROM topic_position AS t
LEFT JOIN quarantine_position AS q ON t.kafka_partition = q.kafka_partition
LEFT JOIN retention_ledger AS d ON t.kafka_partition = d.kafka_partition
LEFT JOIN
    unnest(%(partitions)s::integer[], %(since)s::timestamptz[]) AS b (kafka_partition, since)
    ON t.kafka_partition = b.kafka_partition
LEFT JOIN LATERAL (
    SELECT
        sum(s.accepted)::bigint AS accepted,
        sum(s.late)::bigint AS late,
        max(s.max_offset) AS max_offset,
        max(s.append_second) AS newest
    FROM ledger_second AS s
    WHERE s.kafka_partition = t.kafka_partition
        AND s.append_second >= coalesce(b.since, '-infinity')
) AS l ON TRUE
