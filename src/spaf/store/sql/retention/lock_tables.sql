-- Wait until no transaction uses the tables, and let none begin. Grain: table.
LOCK TABLE sales_summary, ledger_second, sale_anomaly, window_anomaly, duplicate_block
IN ACCESS EXCLUSIVE MODE
