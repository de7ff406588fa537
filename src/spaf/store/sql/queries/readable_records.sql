-- Records that the job could read. Grain: one row.
SELECT coalesce(sum(accepted + late + refused), 0)::bigint AS records
FROM ledger_second
