-- Whether there are rows before a second. Grain: one row.
SELECT
    EXISTS (SELECT FROM sales_summary WHERE window_start < %(before)s)
    OR EXISTS (SELECT FROM ledger_second WHERE append_second < %(before)s) AS has_older
