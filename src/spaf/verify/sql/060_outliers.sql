-- Sales at an unusual price or of an unusual number of pieces. Grain: partition, offset, place.
-- Those a little below the threshold come too: rounding may have moved them there.
WITH sale AS (
    SELECT
        part,
        off,
        place,
        product,
        category,
        currency,
        unit_cents,
        quantity,
        transaction_id,
        append_second // $block_seconds AS block,
        floor(ln(unit_cents + 1) * $log_scale + 0.5)::BIGINT AS p,
        floor(ln(quantity) * $log_scale + 0.5)::BIGINT AS q
    FROM event
    WHERE outcome = 0
),

framed AS (
    SELECT
        *,
        count(*) OVER earlier AS n,
        sum(p) OVER earlier AS sp,
        sum(p * p) OVER earlier AS sp2,
        sum(q) OVER earlier AS sq
    FROM sale
    WINDOW
        earlier AS (
            PARTITION BY part, product, currency, block
            ORDER BY off, place
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

centred AS (
    SELECT
        *,
        (sp - p)::DOUBLE / (n - 1) AS mean,
        (sq - q)::DOUBLE / (n - 1) AS mean_q
    FROM framed
    WHERE n > $least_history
),

scored AS (
    SELECT
        *,
        (p - mean) / least(
            greatest(
                sqrt(greatest(((sp2 - p * p)::DOUBLE - (sp - p) * mean) / (n - 2), 0)),
                $least_spread
            ),
            $largest_spread
        ) AS price_score,
        (q - mean_q) / $quantity_spread AS quantity_score
    FROM centred
)

SELECT
    part,
    off,
    CASE WHEN regexp_full_match(transaction_id, '[^\x00-\x1f\x7f-\x{9f}]{1,64}') THEN transaction_id END
        AS transaction_id,
    category,
    unit_cents * quantity AS cents,
    price_score,
    quantity_score,
    (exp(mean / $log_scale) - 1) * quantity AS expected_by_price,
    unit_cents * exp(mean_q / $log_scale) AS expected_by_quantity
FROM scored
WHERE abs(price_score) > $threshold * 0.999999 OR quantity_score > $threshold * 0.999999
ORDER BY part, off, place;
