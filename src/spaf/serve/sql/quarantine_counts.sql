-- Records that were not accepted, and their money. Grain: reason, currency.
SELECT
    reason,
    currency,
    sum(records)::bigint AS records,
    sum(amount) AS amount
FROM quarantine_count
GROUP BY reason, currency
