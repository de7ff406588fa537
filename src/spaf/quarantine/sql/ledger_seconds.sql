-- The ledger of a partition from a second on. Grain: second of append time.
SELECT
    append_second,
    accepted,
    late,
    refused,
    min_offset,
    max_offset
FROM ledger_second
WHERE kafka_partition = %(partition)s
    AND append_second >= coalesce(%(since)s::timestamptz, '-infinity')
ORDER BY append_second
LIMIT %(limit)s
