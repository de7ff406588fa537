-- A row of the ledger for each second of a range, of one partition. Grain: second of append time.
INSERT INTO ledger_second (
    kafka_partition, append_second, accepted, late, refused, min_offset, max_offset
)
SELECT
    0 AS kafka_partition,
    to_timestamp(s.second) AS append_second,
    100 AS accepted,
    0 AS late,
    0 AS refused,
    100 * (s.second - %(first)s) AS min_offset,
    100 * (s.second - %(first)s) + 99 AS max_offset
FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) AS s (second)
