-- Copies beyond the first, and identifiers whose copies differ in content.
-- Grain: block of append time.
WITH by_id AS (
    SELECT
        block,
        count(*) FILTER (WHERE is_counted) AS copies,
        count(DISTINCT row(quantity, unit_cents, currency_category)) FILTER (WHERE is_counted)
            AS distinct_contents,
        bool_or(NOT is_counted) AS is_open
    FROM sale
    WHERE id IS NOT NULL
    GROUP BY block, id
)

SELECT
    block * getvariable('dedup_block_ms') AS block_start_ms,
    coalesce(sum(copies - 1) FILTER (WHERE copies > 1), 0)::BIGINT AS duplicates,
    count(*) FILTER (WHERE distinct_contents > 1) AS conflicting,
    bool_or(is_open) AS is_open
FROM by_id
GROUP BY block;
