-- What was dropped, and the fences; NULL is none. Grain: one row.
SELECT
    nullif(dropped_before, '-infinity') AS dropped_before,
    nullif(summary_fence, '-infinity') AS summary_fence,
    nullif(ledger_fence, '-infinity') AS ledger_fence
FROM retention
