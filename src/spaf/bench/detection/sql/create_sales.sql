-- Rows of a file instead of the job's view of the same name. Grain: row of the file.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    0 AS kafka_partition,
    row_index AS kafka_offset,
    TO_TIMESTAMP_LTZ(row_index * 1000, 3) AS append_time,
    row_index AS arrival,
    CAST(row_index AS INT) AS append_second,
    category,
    product AS product_id,
    currency,
    CAST(NULL AS STRING) AS transaction_id,
    quantity,
    number AS unit_cents,
    number * quantity AS cents,
    row_index AS event_second,
    0 AS outcome
FROM csv_row
