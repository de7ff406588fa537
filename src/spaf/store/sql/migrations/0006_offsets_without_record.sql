-- Offsets without a record: markers of transactions, aborted records, records that were compacted.
--
-- The job sees none of them, as it sees no record that its decoder drops: both are gaps between the
-- offsets of the ledger. The quarantine reads every gap again, so it knows which offsets have a
-- record. Until it has read a gap, all of its offsets count as rejected.

-- Grain: partition, range of the ledger that was read. A range belongs to one second of the ledger.
CREATE TABLE offsets_without_record (
    kafka_partition integer NOT NULL,
    first_offset bigint NOT NULL,
    offsets bigint NOT NULL,
    PRIMARY KEY (kafka_partition, first_offset)
);

-- Their number below next_offset.
ALTER TABLE quarantine_position ADD COLUMN without_record bigint NOT NULL DEFAULT 0;

-- Grain: partition, second of append time. Offsets = accepted + late + rejected + without_record.
CREATE OR REPLACE VIEW ingest_ledger AS
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
    UNION ALL
    -- A partition without any readable record.
    SELECT
        t.kafka_partition,
        date_trunc('second', t.updated_at),
        0,
        0,
        0,
        t.start_offset,
        t.done_offset - 1,
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

-- The same sums, without reading every second. Grain: partition.
CREATE OR REPLACE VIEW ingest_account AS
SELECT
    t.kafka_partition,
    t.start_offset,
    greatest(t.done_offset, coalesce(l.max_offset + 1, t.start_offset)) AS end_offset,
    coalesce(l.accepted, 0) AS accepted,
    coalesce(l.late, 0) AS late,
    greatest(t.done_offset, coalesce(l.max_offset + 1, t.start_offset)) - t.start_offset
    - coalesce(l.accepted, 0) - coalesce(l.late, 0) - coalesce(p.without_record, 0) AS rejected,
    coalesce(p.without_record, 0) AS without_record
FROM topic_position AS t
LEFT JOIN quarantine_position AS p USING (kafka_partition)
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
CREATE OR REPLACE VIEW ingest_total AS
SELECT
    a.records,
    a.accepted - d.duplicates AS accepted,
    d.duplicates,
    d.conflicting,
    a.late,
    a.rejected,
    a.without_record
FROM (
    SELECT
        coalesce(sum(end_offset - start_offset - without_record), 0)::bigint AS records,
        coalesce(sum(accepted), 0)::bigint AS accepted,
        coalesce(sum(late), 0)::bigint AS late,
        coalesce(sum(rejected), 0)::bigint AS rejected,
        coalesce(sum(without_record), 0)::bigint AS without_record
    FROM ingest_account
) AS a
CROSS JOIN (
    SELECT
        coalesce(sum(duplicates), 0)::bigint AS duplicates,
        coalesce(sum(conflicting), 0)::bigint AS conflicting
    FROM duplicate_block
) AS d;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON offsets_without_record TO spaf_sink;
        GRANT SELECT ON offsets_without_record TO spaf_read;
    END IF;
END $$;
