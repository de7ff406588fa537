-- The ledger: every record of the topic, accepted, late or rejected.
-- Grain: partition, second of append time.
--
-- The job counts the records that its decoder can read. Any other record leaves a gap between
-- offsets, and every gap below a known offset is a rejected record. The append time never decreases
-- inside a partition, so the offset ranges of the seconds are consecutive. A gap between two
-- seconds belongs to the later one; a gap at the end, up to the position of the newest complete
-- checkpoint, to the last one.
CREATE VIEW ingest_ledger AS
WITH reach AS (
    SELECT
        l.*,
        coalesce(
            (
                SELECT p.max_offset
                FROM ledger_second AS p
                WHERE p.kafka_partition = l.kafka_partition
                    AND p.append_second < l.append_second
                ORDER BY p.append_second DESC
                LIMIT 1
            ),
            (
                SELECT t.start_offset - 1
                FROM topic_position AS t
                WHERE t.kafka_partition = l.kafka_partition
            ),
            l.min_offset - 1
        ) AS before_offset,
        CASE
            WHEN EXISTS (
                SELECT FROM ledger_second AS n
                WHERE n.kafka_partition = l.kafka_partition
                    AND n.append_second > l.append_second
            ) THEN l.max_offset
            ELSE greatest(
                l.max_offset,
                (
                    SELECT t.done_offset - 1
                    FROM topic_position AS t
                    WHERE t.kafka_partition = l.kafka_partition
                )
            )
        END AS last_offset
    FROM ledger_second AS l
)
SELECT
    kafka_partition,
    append_second,
    accepted,
    late,
    last_offset - before_offset - accepted - late AS rejected,
    before_offset + 1 AS min_offset,
    last_offset AS max_offset
FROM reach
UNION ALL
-- A partition without any readable record.
SELECT
    t.kafka_partition,
    date_trunc('second', t.updated_at),
    0,
    0,
    t.done_offset - t.start_offset,
    t.start_offset,
    t.done_offset - 1
FROM topic_position AS t
WHERE t.done_offset > t.start_offset
    AND NOT EXISTS (
        SELECT FROM ledger_second AS l WHERE l.kafka_partition = t.kafka_partition
    );

-- The same sums, without reading every second. Grain: partition.
CREATE VIEW ingest_account AS
SELECT
    t.kafka_partition,
    t.start_offset,
    greatest(t.done_offset, coalesce(l.max_offset + 1, t.start_offset)) AS end_offset,
    coalesce(l.accepted, 0) AS accepted,
    coalesce(l.late, 0) AS late,
    greatest(t.done_offset, coalesce(l.max_offset + 1, t.start_offset)) - t.start_offset
    - coalesce(l.accepted, 0) - coalesce(l.late, 0) AS rejected
FROM topic_position AS t
LEFT JOIN (
    SELECT
        kafka_partition,
        max(max_offset) AS max_offset,
        sum(accepted) AS accepted,
        sum(late) AS late
    FROM ledger_second
    GROUP BY kafka_partition
) AS l USING (kafka_partition);

-- The whole topic: records = accepted + duplicates + late + rejected. Grain: one row.
-- ingest_ledger and ingest_account count every accepted copy of a sale as accepted; here `accepted`
-- excludes the duplicates.
CREATE VIEW ingest_total AS
SELECT
    a.records,
    a.accepted - d.duplicates AS accepted,
    d.duplicates,
    d.conflicting,
    a.late,
    a.rejected
FROM (
    SELECT
        coalesce(sum(end_offset - start_offset), 0)::bigint AS records,
        coalesce(sum(accepted), 0)::bigint AS accepted,
        coalesce(sum(late), 0)::bigint AS late,
        coalesce(sum(rejected), 0)::bigint AS rejected
    FROM ingest_account
) AS a
CROSS JOIN (
    SELECT
        coalesce(sum(duplicates), 0)::bigint AS duplicates,
        coalesce(sum(conflicting), 0)::bigint AS conflicting
    FROM duplicate_block
) AS d;
