-- Leave the offsets without a record to the dropped seconds that they belong to. Grain: partition.
UPDATE quarantine_position AS p
SET without_record = p.without_record - o.offsets
FROM (
    SELECT
        w.kafka_partition,
        sum(w.offsets) AS offsets
    FROM offsets_without_record AS w
    INNER JOIN retention_ledger AS r
        ON w.kafka_partition = r.kafka_partition AND w.first_offset <= r.max_offset
    GROUP BY w.kafka_partition
) AS o
WHERE p.kafka_partition = o.kafka_partition
