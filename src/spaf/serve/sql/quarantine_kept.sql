-- Rows that the quarantine keeps. Grain: reason.
SELECT
    reason,
    count(*) AS kept
FROM quarantine
GROUP BY reason
