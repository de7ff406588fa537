-- Each record of the dump, with the values of its columns if its text is of the plain form.
-- Grain: partition, offset.
--
-- A record is plain if DuckDB's parser and the contract must read it alike: one flat JSON object in
-- UTF-8 and nothing else, without escapes, without a repeated name, every value a scalar, each
-- column in its own type and within its own rules. Every other record has NULL in `product` and
-- keeps its bytes: the decoder of the contract reads it.
CREATE TABLE record AS
WITH dump_line AS (
    SELECT
        *,
        CASE
            WHEN
                form = 't'
                AND strlen(value) <= 1000
                AND starts_with(value, '{')
                AND ends_with(value, '}')
                -- DuckDB accepts a comma after the last member, the contract does not.
                AND NOT ends_with(value, ',}')
                AND NOT ends_with(value, ' }')
                AND NOT contains(value, '\')
                -- No nested array or object. A bracket in a string is excluded too: a simpler test.
                AND NOT contains(value, '[')
                AND strlen(value) - strlen(replace(value, '{', '')) = 1
                THEN value
        END AS flat_json
    FROM read_csv(
        getvariable('files'),
        delim = '\t',
        quote = '',
        escape = '',
        comment = '',
        header = FALSE,
        auto_detect = FALSE,
        max_line_size = 16777216,
        columns = {
            'kafka_partition': 'INTEGER',
            'kafka_offset': 'BIGINT',
            'append_ms': 'BIGINT',
            'form': 'VARCHAR',
            'value': 'VARCHAR'
        }
    )
),

-- The columns of the contract, then the further fields of the generator's sales.
parsed AS (
    SELECT
        *,
        try(json_extract(flat_json, [
            '$.productId', '$.productCategory', '$.productPrice', '$.productQuantity',
            '$.currency', '$.transactionId', '$.eventTime', '$.transactionDate',
            '$.productName', '$.productBrand', '$.totalAmount', '$.paymentMethod',
            '$.customerId', '$.intendedAt', '$.sentAt'
            -- As text: a cast from JSON would take true for 1, and "1" too.
        ]))::VARCHAR[] AS fields
    FROM dump_line
),

typed AS (
    SELECT
        kafka_partition,
        kafka_offset,
        append_ms,
        form,
        value,
        CASE
            -- As many names as colons: no repeated name and no unknown one.
            WHEN strlen(flat_json) - strlen(replace(flat_json, ':', '')) = list_count(fields)
                THEN
                    is_scalar(fields[9]) AND is_scalar(fields[10]) AND is_scalar(fields[11])
                    AND is_scalar(fields[12]) AND is_scalar(fields[13]) AND is_scalar(fields[14])
                    AND is_scalar(fields[15])
            -- Any number of other names, none of them repeated.
            WHEN fields IS NOT NULL
                THEN
                    list_unique(json_keys(flat_json)) = len(json_keys(flat_json))
                    AND list_bool_and(
                        list_transform(
                            json_extract(flat_json, '$.*')::VARCHAR[], LAMBDA v: is_scalar(v)
                        )
                    )
        END AS unambiguous,
        inside(fields[1]) AS product,
        inside(fields[2]) AS category,
        CASE
            WHEN try_cast(fields[3] AS DECIMAL(18, 6)) BETWEEN 0 AND 9999999999.99
                THEN try_cast(fields[3] AS DECIMAL(18, 6)) * 100
        END AS price_cents,
        CASE
            WHEN strlen(fields[4]) <= 7 AND regexp_full_match(fields[4], '[0-9]+')
                THEN try_cast(fields[4] AS BIGINT)
        END AS quantity,
        CASE WHEN is_absent(fields[5]) THEN getvariable('currency') ELSE inside(fields[5]) END
            AS currency,
        is_absent(fields[6]) OR starts_with(fields[6], '"') AS has_plain_id,
        CASE WHEN is_absent(fields[6]) THEN NULL ELSE inside(fields[6]) END AS transaction_id,
        CASE
            WHEN is_absent(fields[7]) AND is_absent(fields[8]) THEN append_ms
            WHEN is_absent(fields[7])
                THEN
                    CASE
                        WHEN
                            regexp_full_match(
                                fields[8],
                                '"(19[7-9]\d|20[0-2]\d|203[0-7])-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?Z?"'
                            )
                            THEN epoch_ms(try_cast(rtrim(inside(fields[8]), 'Z') AS TIMESTAMP))
                    END
            -- Milliseconds of 13 digits; the contract reads numbers of other units too.
            WHEN regexp_full_match(fields[7], '[1-9][0-9]{12}')
                THEN try_cast(fields[7] AS BIGINT)
        END AS event_ms
    FROM parsed
),

checked AS (
    SELECT
        *,
        coalesce(
            unambiguous
            AND length(product) BETWEEN 1 AND 64
            AND CASE
                WHEN category IN (SELECT known_category.category FROM known_category) THEN TRUE
                ELSE
                    regexp_full_match(
                        category,
                        '[^\x00-\x1f\x7f-\x{9f}{\[][^\x00-\x1f\x7f-\x{9f}]{0,63}'
                    )
            END
            AND price_cents = floor(price_cents)
            AND quantity BETWEEN 1 AND 1000000
            AND CASE
                WHEN currency = getvariable('currency') THEN TRUE
                ELSE regexp_full_match(currency, '[A-Z]{3}')
            END
            AND has_plain_id
            AND event_ms >= 0,
            FALSE
        ) AS is_plain
    FROM typed
)

SELECT
    kafka_partition,
    kafka_offset,
    append_ms,
    CASE WHEN is_plain THEN product END AS product,
    CASE WHEN is_plain THEN category END AS category,
    CASE WHEN is_plain THEN currency END AS currency,
    CASE WHEN is_plain THEN price_cents::BIGINT END AS unit_cents,
    CASE WHEN is_plain THEN quantity END AS quantity,
    CASE WHEN is_plain THEN event_ms END AS event_ms,
    CASE WHEN is_plain THEN transaction_id END AS transaction_id,
    CASE WHEN NOT is_plain THEN form END AS form,
    CASE WHEN NOT is_plain THEN value END AS value
FROM checked;
