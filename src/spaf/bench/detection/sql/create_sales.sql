-- Rows of a file instead of the job's view of the same name. Grain: row of the file.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    0 AS kafka_partition,
    row_index AS kafka_offset,
    TO_TIMESTAMP_LTZ(row_index * 1000, 3) AS append_time,
    row_index AS arrival,
    row_index * 1000 AS append_ms,
    category,
    product AS product_id,
    currency,
    CAST(NULL AS STRING) AS transaction_id,
    quantity,
    number AS unit_cents,
    CAST(0 AS BIGINT) AS revenue,
    CAST(0 AS BIGINT) AS lateness_ms
FROM csv_row
