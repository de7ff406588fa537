-- Each event with its outcome: 0 accepted, 1 late, 2 refused, 3 unreadable.
-- Grain: partition, offset, array index (above 0 only if the record is a JSON array).
-- `decoded_event` holds the events of the records that are not plain.
CREATE VIEW event AS
WITH all_events AS (
    SELECT
        kafka_partition,
        kafka_offset,
        0 AS array_index,
        append_ms,
        CASE
            WHEN event_ms - append_ms > getvariable('max_ahead_ms') THEN 2
            WHEN append_ms - event_ms > getvariable('max_lateness_ms') THEN 1
            ELSE 0
        END AS outcome,
        product,
        category,
        currency,
        unit_cents,
        quantity,
        event_ms,
        transaction_id
    FROM record
    WHERE product IS NOT NULL
    UNION ALL
    SELECT * FROM decoded_event
)

SELECT
    all_events.*,
    append_ms // 1000 AS append_second,
    kafka_offset < coalesce(upper_bound.end_offset, 0) AS is_counted
FROM all_events
LEFT JOIN upper_bound USING (kafka_partition);
