-- Readable records by outcome. Grain: partition, second of append time.
SELECT
    extract(EPOCH FROM append_second)::bigint AS second,
    accepted,
    late,
    refused
FROM ledger_second
