-- Copies beyond the first, and identifiers whose copies differ in what was sold.
-- Grain: block of append time.
WITH by_id AS (
    SELECT
        block,
        count(*) FILTER (WHERE counted) AS copies,
        count(DISTINCT (quantity, unit_cents, label)) FILTER (WHERE counted) AS contents,
        bool_or(NOT counted) AS is_open
    FROM sale
    WHERE id IS NOT NULL
    GROUP BY block, id
)

SELECT
    block * getvariable('once_ms') AS start_ms,
    coalesce(sum(copies - 1) FILTER (WHERE copies > 1), 0)::BIGINT AS duplicates,
    count(*) FILTER (WHERE contents > 1) AS conflicting,
    bool_or(is_open) AS is_open
FROM by_id
GROUP BY block;
