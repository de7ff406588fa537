-- Rows that are kept, and their bytes. Grain: reason.
SELECT
    reason,
    count(*) AS kept,
    coalesce(sum(octet_length(payload)), 0)::bigint AS payload_bytes
FROM quarantine
GROUP BY reason
