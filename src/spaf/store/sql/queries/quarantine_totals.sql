-- Records in the quarantine: explained, not read, waiting, kept. Grain: one row.
SELECT
    coalesce(sum(records), 0)::bigint AS explained,
    coalesce(
        sum(records) FILTER (WHERE reason = 'not_read' OR (reason = 'late' AND currency = '')), 0
    )::bigint AS not_read,
    (
        SELECT coalesce(sum(a.not_accepted - a.explained), 0)::bigint
        FROM quarantine_account AS a
    ) AS waiting,
    (SELECT count(*) FROM quarantine) AS kept
FROM quarantine_count
