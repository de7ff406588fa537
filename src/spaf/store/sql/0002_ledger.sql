-- The ledger: every record of the topic, accepted, late or rejected.
-- Grain: partition, second of append time.
--
-- The job counts what its decoder could read. What it could not read leaves a gap between
-- offsets, and every gap below a known offset is a rejected record: the append time never steps
-- back inside a partition, so the ranges of the seconds follow each other. A gap between two
-- seconds is told to the later one; a gap at the end, up to where a checkpoint has confirmed that
-- the job has been, to the last one.
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
-- A partition in which nothing could be read at all.
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

-- The same sums without a walk through the seconds. Grain: partition.
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

-- Coarser grains, for history.
CREATE VIEW sales_minute AS
SELECT
    date_trunc('minute', window_start) AS window_start,
    category,
    currency,
    sum(sales_count) AS sales_count,
    sum(units_sold) AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
GROUP BY 1, 2, 3;

CREATE VIEW sales_day AS
SELECT
    date_trunc('day', window_start, 'UTC') AS window_start,
    category,
    currency,
    sum(sales_count) AS sales_count,
    sum(units_sold) AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
GROUP BY 1, 2, 3;
