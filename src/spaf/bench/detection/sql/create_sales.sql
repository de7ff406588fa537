-- Rows of a file in place of the job's view. Grain: row of the file.
CREATE TEMPORARY VIEW classified_sale AS
SELECT
    0 AS kafka_partition,
    place AS kafka_offset,
    TO_TIMESTAMP_LTZ(place * 1000, 3) AS append_time,
    place AS arrival,
    CAST(place AS INT) AS append_second,
    category,
    product AS product_id,
    currency,
    CAST(NULL AS STRING) AS transaction_id,
    quantity,
    number AS unit_cents,
    number * quantity AS cents,
    place AS event_second,
    0 AS outcome
FROM csv_row
