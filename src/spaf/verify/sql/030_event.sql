-- Each event with its outcome: 0 accepted, 1 late, 2 refused, 3 unreadable.
-- Grain: partition, offset, place inside the record (more than one in an array only).
-- `resolved` holds the events of the records that are not plain.
CREATE VIEW event AS
WITH all_events AS (
    SELECT
        part,
        off,
        0 AS place,
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
    SELECT * FROM resolved
)

SELECT
    all_events.*,
    append_ms // 1000 AS append_second,
    off < coalesce(cut.stop, 0) AS counted
FROM all_events
LEFT JOIN cut USING (part);
