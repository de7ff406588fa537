-- Forget what an earlier job has counted of the same topic. Grain: table.
TRUNCATE ledger_second
