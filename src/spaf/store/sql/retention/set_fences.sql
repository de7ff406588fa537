-- Rows before these seconds are not written any more, though they were not dropped. Grain: one row.
UPDATE retention
SET summary_fence = greatest(summary_fence, %(summary)s),
    ledger_fence = greatest(ledger_fence, %(ledger)s),
    updated_at = clock_timestamp()
