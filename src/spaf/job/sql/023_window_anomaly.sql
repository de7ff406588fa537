-- Sink: seconds of unusual traffic. Grain: second of append time, category, kind.
CREATE TEMPORARY TABLE window_anomaly (
    window_start TIMESTAMP(3),
    category STRING,
    kind STRING,
    observed BIGINT,
    expected DOUBLE,
    score DOUBLE,
    PRIMARY KEY (window_start, category, kind) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = ${jdbc_url},
    'table-name' = 'window_anomaly',
    'username' = ${jdbc_user},
    'password' = ${jdbc_password},
    'sink.buffer-flush.interval' = ${anomaly_flush},
    'sink.buffer-flush.max-rows' = ${flush_rows}
)
