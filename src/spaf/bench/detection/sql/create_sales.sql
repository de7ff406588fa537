-- Rows of a file instead of the job's view of the same name. Grain: row of the file.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    0 AS kafka_partition,
    row_index AS kafka_offset,
    TO_TIMESTAMP_LTZ(row_index * 1000, 3) AS append_time,
    row_index AS arrival,
    row_index * 1000 AS append_ms,
    category,
    currency,
    -- A currency of a file may have any length.
    CAST(CHAR_LENGTH(currency) AS STRING) || ':' || currency || product AS priced_product,
    CAST(NULL AS STRING) AS transaction_id,
    quantity,
    number AS unit_cents,
    COALESCE(CAST(FLOOR(LN(CAST(number + 1 AS DOUBLE)) * 1e3 + 0.5e0) AS BIGINT), 0) AS log_price,
    COALESCE(CAST(FLOOR(LN(CAST(quantity AS DOUBLE)) * 1e3 + 0.5e0) AS BIGINT), 0) AS log_quantity,
    CAST(0 AS BIGINT) AS revenue,
    row_index * 1000 AS event_ms
FROM csv_row
