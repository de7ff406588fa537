-- What job and quarantine have passed, and the newest second of it. Grain: partition.
SELECT
    t.kafka_partition,
    t.passed,
    (
        SELECT max(l.append_second)
        FROM ledger_second AS l
        WHERE l.kafka_partition = t.kafka_partition AND l.max_offset < t.passed
    ) AS newest
FROM (
    SELECT
        p.kafka_partition,
        least(p.done_offset, coalesce(q.next_offset, p.start_offset)) AS passed
    FROM topic_position AS p
    LEFT JOIN quarantine_position AS q USING (kafka_partition)
) AS t
