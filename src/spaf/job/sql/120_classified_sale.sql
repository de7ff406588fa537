-- Each readable record with its lateness: append time minus event time, ms.
-- Grain: kafka_partition, kafka_offset.
-- A record is accepted if its lateness is within the limits of the contract, late above them, and
-- refused below them: its event time is too far ahead, or it breaks another rule. Outside the limits
-- lateness_ms is the nearest such number. Lateness compares two timestamps of the record, never a
-- watermark, so a replay gives the same outcome.
-- The planner repeats the expression of a column wherever the column is named, so the long ones of
-- parsed_sale are named once here, and what reads this view derives the outcome itself.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    append_time,
    arrival,
    append_ms,
    product_id,
    category,
    currency,
    transaction_id,
    unit_cents,
    quantity,
    -- Amount of a sale in the default currency, cents; at most what sums of millions of sales can hold.
    CASE
        WHEN currency <> ${default_currency} THEN CAST(0 AS BIGINT)
        ELSE LEAST(unit_cents * quantity, ${max_revenue_cents})
    END AS revenue,
    CASE
        WHEN well_formed
            THEN
                LEAST(
                    GREATEST(COALESCE(append_ms - stated_ms, 0), -1 - ${max_ahead_ms}),
                    ${max_lateness_ms} + 1
                )
        ELSE -1 - ${max_ahead_ms}
    END AS lateness_ms
FROM parsed_sale
