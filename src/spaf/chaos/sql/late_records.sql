-- Late records so far. Grain: one row.
SELECT coalesce(sum(late), 0)::bigint FROM ledger_second
