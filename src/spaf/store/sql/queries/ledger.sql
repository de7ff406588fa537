-- ingest_ledger, for verification. Grain: partition, second of append time.
SELECT
    kafka_partition,
    extract(EPOCH FROM append_second)::bigint AS second,
    accepted,
    late,
    rejected,
    min_offset,
    max_offset,
    without_record
FROM ingest_ledger
