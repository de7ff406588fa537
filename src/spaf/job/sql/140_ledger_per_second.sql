-- Readable records by outcome. Grain: partition, second of append time.
-- A record that the decoder cannot read is a gap between offsets, which ingest_ledger counts.
CREATE TEMPORARY VIEW ledger_per_second AS
SELECT
    kafka_partition,
    append_second,
    accepted,
    late,
    refused,
    min_offset,
    max_offset
FROM (
    SELECT /*+ STATE_TTL('classified_sale' = ${state_ttl}) */
        kafka_partition,
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * (append_ms / 1000) AS append_second,
        COUNT(*) FILTER (WHERE ${accepted}) AS accepted,
        COUNT(*) FILTER (WHERE append_ms - event_ms > ${max_lateness_ms}) AS late,
        COUNT(*) FILTER (WHERE append_ms - event_ms < -${max_ahead_ms}) AS refused,
        MIN(kafka_offset) AS min_offset,
        MAX(kafka_offset) AS max_offset
    FROM classified_sale
    GROUP BY
        kafka_partition,
        TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '1' SECOND * (append_ms / 1000)
)
