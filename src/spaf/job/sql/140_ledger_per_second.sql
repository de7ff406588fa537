-- Readable records by outcome. Grain: partition, second of append time.
-- A record that the decoder cannot read is a gap between offsets, which ingest_ledger counts.
CREATE TEMPORARY VIEW ledger_per_second AS
SELECT
    kafka_partition,
    CAST(TO_TIMESTAMP_LTZ(CAST(append_second AS BIGINT) * 1000, 3) AS TIMESTAMP(3))
        AS append_second,
    accepted,
    late,
    refused,
    min_offset,
    max_offset
FROM (
    SELECT /*+ STATE_TTL('classified_sale' = ${state_ttl}) */
        kafka_partition,
        append_second,
        COUNT(*) FILTER (WHERE outcome = 0) AS accepted,
        COUNT(*) FILTER (WHERE outcome = 1) AS late,
        COUNT(*) FILTER (WHERE outcome = 2) AS refused,
        MIN(kafka_offset) AS min_offset,
        MAX(kafka_offset) AS max_offset
    FROM classified_sale
    GROUP BY kafka_partition, append_second
)
