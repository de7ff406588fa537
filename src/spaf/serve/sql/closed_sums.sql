-- Outcomes of the seconds of a partition between two times. Grain: one row.
SELECT
    sum(accepted)::bigint AS accepted,
    sum(late)::bigint AS late
FROM ledger_second
WHERE kafka_partition = %(partition)s
    AND append_second >= %(since)s
    AND append_second < %(until)s
