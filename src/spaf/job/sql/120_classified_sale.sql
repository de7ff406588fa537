-- Each readable record with its event time, ms, from which its outcome follows.
-- Grain: kafka_partition, kafka_offset.
-- Lateness is append time minus event time. A record is accepted if its lateness is within the limits
-- of the contract, late above them, and refused below them: its event time is too far ahead, or it
-- breaks another rule, for which event_ms is the largest number. Without a stated time the append
-- time counts. Lateness compares two timestamps of the record, never a watermark, so a replay gives
-- the same outcome.
-- The planner repeats the expression of a column wherever the column is named, so the long ones of
-- parsed_sale are named once here, and what reads this view derives the outcome itself.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    append_time,
    arrival,
    append_ms,
    category,
    currency,
    -- The product in its currency, which has three letters if the sale is accepted.
    currency || product_id AS priced_product,
    transaction_id,
    unit_cents,
    quantity,
    -- Logarithms are whole numbers (1e-3), so that their sums are exact. For a column that may be NULL
    -- a sum would count its rows, too.
    COALESCE(CAST(FLOOR(LN(CAST(unit_cents + 1 AS DOUBLE)) * 1e3 + 0.5e0) AS BIGINT), 0)
        AS log_price,
    COALESCE(CAST(FLOOR(LN(CAST(quantity AS DOUBLE)) * 1e3 + 0.5e0) AS BIGINT), 0) AS log_quantity,
    -- Amount of a sale in the default currency, cents; at most what sums of millions of sales can hold.
    CASE
        WHEN currency <> ${default_currency} THEN CAST(0 AS BIGINT)
        WHEN unit_cents * quantity > ${max_revenue_cents} THEN ${max_revenue_cents}
        ELSE unit_cents * quantity
    END AS revenue,
    CASE
        WHEN well_formed THEN CASE WHEN states_time THEN stated_ms ELSE append_ms END
        ELSE ${unreadable_ms}
    END AS event_ms
FROM parsed_sale
