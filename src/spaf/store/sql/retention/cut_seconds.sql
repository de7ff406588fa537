-- The second of the first record from an offset on, and the newest that is passed. Grain: one row.
SELECT
    coalesce(
        min(append_second) FILTER (WHERE max_offset >= %(offset)s), max(append_second)
    ) AS first_second,
    max(append_second) FILTER (WHERE max_offset < %(done)s) AS newest_second
FROM ledger_second
WHERE kafka_partition = %(partition)s
