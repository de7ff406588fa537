-- Add the seconds before a second to the sums of the dropped ones. Grain: partition.
INSERT INTO retention_ledger AS r (kafka_partition, accepted, late, without_record, max_offset)
SELECT
    l.kafka_partition,
    l.accepted,
    l.late,
    coalesce(
        (
            SELECT sum(o.offsets)
            FROM offsets_without_record AS o
            WHERE o.kafka_partition = l.kafka_partition AND o.first_offset <= l.max_offset
        ),
        0
    ) AS without_record,
    l.max_offset
FROM (
    SELECT
        kafka_partition,
        sum(accepted) AS accepted,
        sum(late) AS late,
        max(max_offset) AS max_offset
    FROM ledger_second
    WHERE append_second < %(before)s
    GROUP BY kafka_partition
) AS l
ON CONFLICT (kafka_partition) DO UPDATE
SET accepted = r.accepted + excluded.accepted,
    late = r.late + excluded.late,
    without_record = r.without_record + excluded.without_record,
    max_offset = greatest(r.max_offset, excluded.max_offset)
