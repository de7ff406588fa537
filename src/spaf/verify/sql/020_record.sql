-- Each record of the dump, with the values of its columns if its text is of the plain form.
-- Grain: partition, offset.
--
-- A record is plain if DuckDB's parser and the contract cannot read it differently: one flat JSON
-- object in UTF-8 and nothing else, without escapes, without a name twice, every value a scalar,
-- each column in its own type, every rule of a single column kept. All others have NULL in
-- `product`, keep their bytes, and are left to the decoder of the contract.
CREATE TABLE record AS
WITH written AS (
    SELECT
        *,
        CASE
            WHEN
                form = 't'
                AND strlen(value) <= 1000
                AND starts_with(value, '{')
                AND ends_with(value, '}')
                -- DuckDB takes a comma behind the last member, the contract does not.
                AND NOT ends_with(value, ',}')
                AND NOT ends_with(value, ' }')
                AND NOT contains(value, '\')
                -- No array and no object inside, also none in a string: simpler to tell.
                AND NOT contains(value, '[')
                AND strlen(value) - strlen(replace(value, '{', '')) = 1
                THEN value
        END AS flat
    FROM read_csv(
        getvariable('files'),
        delim = '\t',
        quote = '',
        escape = '',
        comment = '',
        header = false,
        auto_detect = false,
        max_line_size = 16777216,
        columns = {
            'part': 'INTEGER',
            'off': 'BIGINT',
            'append_ms': 'BIGINT',
            'form': 'VARCHAR',
            'value': 'VARCHAR'
        }
    )
),

-- The columns come first, then what the generator's sales carry beside them.
parsed AS (
    SELECT
        *,
        try(json_extract(flat, [
            '$.productId', '$.productCategory', '$.productPrice', '$.productQuantity',
            '$.currency', '$.transactionId', '$.eventTime', '$.transactionDate',
            '$.productName', '$.productBrand', '$.totalAmount', '$.paymentMethod',
            '$.customerId', '$.intendedAt', '$.sentAt'
            -- As text: a cast from JSON would take true for 1, and "1" too.
        ]))::VARCHAR[] AS x
    FROM written
),

typed AS (
    SELECT
        part,
        off,
        append_ms,
        form,
        value,
        CASE
            -- As many names as colons: no name twice, and none that is not known.
            WHEN strlen(flat) - strlen(replace(flat, ':', '')) = list_count(x)
                THEN
                    is_scalar(x[9]) AND is_scalar(x[10]) AND is_scalar(x[11])
                    AND is_scalar(x[12]) AND is_scalar(x[13]) AND is_scalar(x[14])
                    AND is_scalar(x[15])
            -- Any number of other names, as long as no name comes twice.
            WHEN x IS NOT NULL
                THEN
                    list_unique(json_keys(flat)) = len(json_keys(flat))
                    AND list_bool_and(
                        list_transform(json_extract(flat, '$.*')::VARCHAR[], lambda v : is_scalar(v))
                    )
        END AS unambiguous,
        inside(x[1]) AS product,
        inside(x[2]) AS category,
        CASE
            WHEN try_cast(x[3] AS DECIMAL(18, 6)) BETWEEN 0 AND 9999999999.99
                THEN try_cast(x[3] AS DECIMAL(18, 6)) * 100
        END AS price_cents,
        CASE
            WHEN strlen(x[4]) <= 7 AND regexp_full_match(x[4], '[0-9]+') THEN try_cast(x[4] AS BIGINT)
        END AS quantity,
        CASE WHEN is_absent(x[5]) THEN getvariable('currency') ELSE inside(x[5]) END AS currency,
        is_absent(x[6]) OR starts_with(x[6], '"') AS has_plain_id,
        CASE WHEN is_absent(x[6]) THEN NULL ELSE inside(x[6]) END AS transaction_id,
        CASE
            WHEN is_absent(x[7]) AND is_absent(x[8]) THEN append_ms
            WHEN is_absent(x[7])
                THEN
                    CASE
                        WHEN
                            regexp_full_match(
                                x[8],
                                '"(19[7-9]\d|20[0-2]\d|203[0-7])-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?Z?"'
                            )
                            THEN epoch_ms(try_cast(rtrim(inside(x[8]), 'Z') AS TIMESTAMP))
                    END
            WHEN strlen(x[7]) <= 15 AND regexp_full_match(x[7], '[0-9]+')
                THEN try_cast(x[7] AS BIGINT)
        END AS event_ms
    FROM parsed
),

judged AS (
    SELECT
        *,
        coalesce(
            unambiguous
            AND length(product) BETWEEN 1 AND 64
            AND CASE
                WHEN category IN (SELECT known.category FROM known) THEN true
                ELSE
                    regexp_full_match(
                        category,
                        '[^\x00-\x1f\x7f-\x{9f}{\[][^\x00-\x1f\x7f-\x{9f}]{0,63}'
                    )
            END
            AND price_cents = floor(price_cents)
            AND quantity BETWEEN 1 AND 1000000
            AND CASE
                WHEN currency = getvariable('currency') THEN true
                ELSE regexp_full_match(currency, '[A-Z]{3}')
            END
            AND has_plain_id
            AND event_ms BETWEEN 0 AND 253402214399999,
            false
        ) AS plain
    FROM typed
)

SELECT
    part,
    off,
    append_ms,
    CASE WHEN plain THEN product END AS product,
    CASE WHEN plain THEN category END AS category,
    CASE WHEN plain THEN currency END AS currency,
    CASE WHEN plain THEN price_cents::BIGINT END AS unit_cents,
    CASE WHEN plain THEN quantity END AS quantity,
    CASE WHEN plain THEN event_ms END AS event_ms,
    CASE WHEN plain THEN transaction_id END AS transaction_id,
    CASE WHEN NOT plain THEN form END AS form,
    CASE WHEN NOT plain THEN value END AS value
FROM judged;
