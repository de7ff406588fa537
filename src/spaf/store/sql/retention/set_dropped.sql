-- Rows before a second are dropped, and not written any more. Grain: one row.
UPDATE retention
SET dropped_before = %(before)s,
    summary_fence = greatest(summary_fence, %(before)s),
    ledger_fence = greatest(ledger_fence, %(before)s),
    updated_at = clock_timestamp()
