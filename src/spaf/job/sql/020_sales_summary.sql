-- Sink: sales, units and money. Grain: second of event time, category, currency.
CREATE TEMPORARY TABLE sales_summary (
    window_start TIMESTAMP(3),
    category STRING,
    currency STRING,
    sales_count BIGINT,
    units_sold BIGINT,
    total_sales DECIMAL(38, 2),
    PRIMARY KEY (window_start, category, currency) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = ${jdbc_url},
    'table-name' = 'sales_summary',
    'username' = ${jdbc_user},
    'password' = ${jdbc_password},
    'sink.buffer-flush.interval' = ${summary_flush},
    'sink.buffer-flush.max-rows' = ${flush_rows}
)
