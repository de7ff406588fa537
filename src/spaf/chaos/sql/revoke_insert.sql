-- Take the right to write from the sink. Grain: none.
REVOKE INSERT ON sales_summary FROM spaf_sink
