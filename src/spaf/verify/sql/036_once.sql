-- Accepted sales, and which of them sell: those without an identifier, and of the copies of the
-- others the first in the log. Grain: partition, offset, place inside the record.
-- Copies are those of a block of append time. Several in one record go by what they say. A first
-- copy that one behind the cut will displace is open, as that one is.
CREATE TABLE sale AS
WITH named AS (
    SELECT
        *,
        CASE
            WHEN regexp_full_match(transaction_id, '[^\x00-\x1f\x7f-\x{9f}]{1,64}')
                THEN transaction_id
        END AS id,
        append_ms // getvariable('once_ms') AS block,
        event_ms // 1000 AS event_second,
        currency || category AS label
    FROM event
    WHERE outcome = 0
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY id, block, counted
            ORDER BY append_ms, part, off, event_second, quantity, unit_cents, label
        ) AS rank_here,
        row_number() OVER (
            PARTITION BY id, block
            ORDER BY append_ms, part, off, event_second, quantity, unit_cents, label
        ) AS rank_of_all
    FROM named
)

SELECT
    *,
    counted AND (id IS NULL OR rank_here = 1) AS sells,
    NOT counted OR (id IS NOT NULL AND rank_here = 1 AND rank_of_all > 1) AS unsettles
FROM ranked;
