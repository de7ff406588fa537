-- The ledger in one pass. The view looked for the neighbours of each second by a query of its own,
-- which PostgreSQL may answer by reading the whole table: a day of seconds took hours.

-- Grain: partition, second of append time. Offsets = accepted + late + rejected + without_record.
CREATE OR REPLACE VIEW ingest_ledger AS
WITH neighbour AS (
    SELECT
        *,
        lag(max_offset) OVER by_time AS offset_of_second_before,
        lead(append_second) OVER by_time IS NULL AS is_last
    FROM ledger_second
    WINDOW by_time AS (PARTITION BY kafka_partition ORDER BY append_second)
),

reach AS (
    SELECT
        l.kafka_partition,
        l.append_second,
        l.accepted,
        l.late,
        coalesce(l.offset_of_second_before, t.start_offset - 1, l.min_offset - 1) AS before_offset,
        CASE
            WHEN l.is_last THEN greatest(l.max_offset, t.done_offset - 1)
            ELSE l.max_offset
        END AS last_offset
    FROM neighbour AS l
    LEFT JOIN topic_position AS t USING (kafka_partition)
    UNION ALL
    -- A partition without any readable record.
    SELECT
        t.kafka_partition,
        date_trunc('second', t.updated_at),
        0,
        0,
        t.start_offset - 1,
        t.done_offset - 1
    FROM topic_position AS t
    WHERE t.done_offset > t.start_offset
        AND NOT EXISTS (
            SELECT FROM ledger_second AS l WHERE l.kafka_partition = t.kafka_partition
        )
)
SELECT
    r.kafka_partition,
    r.append_second,
    r.accepted,
    r.late,
    r.last_offset - r.before_offset - r.accepted - r.late - w.offsets AS rejected,
    r.before_offset + 1 AS min_offset,
    r.last_offset AS max_offset,
    w.offsets AS without_record
FROM reach AS r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(o.offsets), 0)::bigint AS offsets
    FROM offsets_without_record AS o
    WHERE o.kafka_partition = r.kafka_partition
        AND o.first_offset BETWEEN r.before_offset + 1 AND r.last_offset
) AS w;
