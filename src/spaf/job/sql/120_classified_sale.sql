-- Each readable record with its outcome: 0 accepted, 1 late, 2 refused.
-- Grain: kafka_partition, kafka_offset.
-- Lateness compares two timestamps of the record, never a watermark, so a replay gives the same
-- outcome.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    append_time,
    arrival,
    append_second,
    product_id,
    category,
    currency,
    transaction_id,
    unit_cents,
    quantity,
    unit_cents * quantity AS cents,
    COALESCE(stated_ms / 1000, CAST(append_second AS BIGINT)) AS event_second,
    CASE
        WHEN NOT well_formed THEN 2
        -- In whole seconds, one second inside either limit: nearly every sale needs no timestamp.
        -- This comes first, because the planner repeats stated_ms wherever it is named.
        WHEN
            stated_ms / 1000 > append_second - ${max_lateness_s}
            AND stated_ms / 1000 < append_second + ${max_ahead_s}
            THEN 0
        WHEN stated_ms IS NULL THEN 0
        WHEN stated_ms < 0 THEN 2
        WHEN TO_TIMESTAMP_LTZ(stated_ms - ${max_ahead_ms}, 3) > append_time THEN 2
        WHEN TO_TIMESTAMP_LTZ(stated_ms + ${max_lateness_ms}, 3) < append_time THEN 1
        ELSE 0
    END AS outcome
FROM parsed_sale
