-- Sink: copies of sales that are not counted. Grain: block of append time.
CREATE TEMPORARY TABLE duplicate_block (
    block_start TIMESTAMP(3),
    block_end TIMESTAMP(3),
    duplicates BIGINT,
    conflicting BIGINT,
    PRIMARY KEY (block_start) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = ${jdbc_url},
    'table-name' = 'duplicate_block',
    'username' = ${jdbc_user},
    'password' = ${jdbc_password},
    'sink.buffer-flush.interval' = ${ledger_flush},
    'sink.buffer-flush.max-rows' = ${flush_rows}
)
