-- Each readable record, its numbers as integers, and whether it is well formed.
-- Grain: kafka_partition, kafka_offset.
-- It uses DOUBLE, BIGINT and CASE: DECIMAL, COALESCE and regular expressions were measured to cost
-- several times as much (docs/explanation/job.md). A regular expression runs only for a category
-- outside the catalogue and for a currency other than the default.
CREATE TEMPORARY VIEW parsed_sale AS
SELECT
    kafka_partition,
    kafka_offset,
    append_time,
    arrival,
    EXTRACT(EPOCH FROM append_time) * 1000 + EXTRACT(MILLISECOND FROM append_time) AS append_ms,
    productId AS product_id,
    productCategory AS category,
    -- COALESCE would be a call with an array of its arguments.
    CASE WHEN currency IS NULL THEN ${default_currency} ELSE currency END AS currency, -- noqa: ST02
    transactionId AS transaction_id,
    CAST(productQuantity AS BIGINT) AS quantity,
    CAST(FLOOR(productPrice * 100e0 + 0.5e0) AS BIGINT) AS unit_cents,
    eventTime IS NOT NULL OR transactionDate IS NOT NULL AS states_time,
    -- Stated event time, ms; the largest number if none can be read.
    CASE
        WHEN eventTime IS NOT NULL
            THEN
                CASE
                    -- The magnitude distinguishes the units. Milliseconds come first, because nearly
                    -- every program writes them.
                    WHEN TRY_CAST(eventTime AS BIGINT) BETWEEN 100000000000 AND 99999999999999
                        THEN TRY_CAST(eventTime AS BIGINT)
                    WHEN COALESCE(TRY_CAST(eventTime AS BIGINT), -1) < 0 THEN ${unreadable_ms}
                    WHEN TRY_CAST(eventTime AS BIGINT) < 100000000000
                        THEN TRY_CAST(eventTime AS BIGINT) * 1000
                    WHEN TRY_CAST(eventTime AS BIGINT) < 100000000000000000
                        THEN TRY_CAST(eventTime AS BIGINT) / 1000
                    ELSE TRY_CAST(eventTime AS BIGINT) / 1000000
                END
        -- ISO 8601. TIMESTAMPDIFF counts in INT, so the last year is 2037. Flink parses a date that
        -- does not exist as another date, so the pattern knows the days of each month.
        WHEN REGEXP(transactionDate, ${iso_8601})
            THEN
                -- A time before 1970, possible by its zone, becomes one in the far future.
                MOD(
                    ${far_future_ms}
                    + 1000 * CAST(
                        TIMESTAMPDIFF(
                            SECOND,
                            TIMESTAMP '1970-01-01 00:00:00',
                            TO_TIMESTAMP(
                                SUBSTRING(transactionDate, 1, 10)
                                || ' '
                                || SUBSTRING(transactionDate, 12, 5)
                                || CASE
                                    WHEN SUBSTRING(transactionDate, 17, 1) = ':'
                                        THEN SUBSTRING(transactionDate, 17, 3)
                                    ELSE ':00'
                                END
                            )
                        ) AS BIGINT
                    )
                    + COALESCE(
                        CAST(
                            RPAD(
                                NULLIF(REGEXP_EXTRACT(transactionDate, '[.,](\d{1,3})', 1), ''), 3, '0'
                            )
                            AS BIGINT
                        ),
                        0
                    )
                    - COALESCE(
                        3600000 * CAST(
                            REGEXP_EXTRACT(
                                transactionDate, '([+-]\d\d)(:?\d\d)?(\[.*)?\z', 1
                            ) AS BIGINT
                        ),
                        0
                    )
                    - COALESCE(
                        60000 * CAST(
                            REGEXP_EXTRACT(
                                transactionDate, '[+-]\d\d:?(\d\d)(\[.*)?\z', 1
                            ) AS BIGINT
                        )
                        * CASE WHEN REGEXP(transactionDate, '-\d\d:?\d\d(\[.*)?\z') THEN -1 ELSE 1 END,
                        0
                    ),
                    ${far_future_ms}
                )
        ELSE ${unreadable_ms}
    END AS stated_ms,
    (
        productId <> ''
        AND CHAR_LENGTH(productId) <= 64
        AND (
            productCategory IN (${known_categories})
            OR REGEXP(
                productCategory,
                '\A[^\x00-\x1F\x7F-\x9F{\[][^\x00-\x1F\x7F-\x9F]{0,63}\z'
            )
        )
        AND productPrice >= 0e0 AND productPrice < 1e10
        AND ABS(productPrice * 100e0 - FLOOR(productPrice * 100e0 + 0.5e0)) < ${cent_tolerance}
        AND productQuantity >= 1e0 AND productQuantity <= 1e6
        AND productQuantity = FLOOR(productQuantity)
        AND CASE
            -- LIKE compares the texts; an equality becomes a look-up in a set, by a hash.
            WHEN currency IS NULL OR currency LIKE ${default_currency} THEN TRUE
            ELSE REGEXP(currency, '\A[A-Z]{3}\z')
        END
    ) AS well_formed
FROM sale_log
