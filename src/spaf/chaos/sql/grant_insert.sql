-- Give the right to write back to the sink. Grain: none.
GRANT INSERT ON sales_summary TO spaf_sink
