-- Sales, units and money in each second of event time, by category and currency.
CREATE TABLE sales (
    productId STRING,
    productCategory STRING,
    productPrice DECIMAL(14, 4),
    productQuantity DECIMAL(10, 2),
    currency STRING,
    eventTime STRING,
    transactionDate STRING,
    append_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = '${PEER_TOPIC}',
    'properties.bootstrap.servers' = '${PEER_BOOTSTRAP_SERVERS}',
    'properties.group.id' = '${PEER_GROUP}',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
);

CREATE TABLE sales_summary (
    window_start TIMESTAMP(3),
    category STRING,
    currency STRING,
    sales_count BIGINT,
    units_sold BIGINT,
    total_sales DECIMAL(38, 2),
    PRIMARY KEY (window_start, category, currency) NOT ENFORCED
) WITH (
    'connector' = 'jdbc',
    'url' = '${PEER_JDBC_URL}',
    'table-name' = 'sales_summary',
    'username' = '${PEER_USER}',
    'password' = '${PEER_PASSWORD}'
);

CREATE VIEW timed_sales AS
SELECT
    productId,
    productCategory,
    productPrice,
    productQuantity,
    COALESCE(currency, '${PEER_DEFAULT_CURRENCY}') AS currency,
    append_time,
    CASE
        WHEN eventTime IS NOT NULL THEN TO_TIMESTAMP_LTZ(
            CASE
                WHEN epoch < 100000000000 THEN epoch * 1000
                WHEN epoch < 100000000000000 THEN epoch
                WHEN epoch < 100000000000000000 THEN epoch / 1000
                ELSE epoch / 1000000
            END,
            3
        )
        WHEN transactionDate IS NOT NULL
            THEN TRY_CAST(REPLACE(REPLACE(transactionDate, 'T', ' '), 'Z', '') AS TIMESTAMP_LTZ(3))
        ELSE append_time
    END AS event_time
FROM (SELECT *, TRY_CAST(eventTime AS BIGINT) AS epoch FROM sales);

INSERT INTO sales_summary
SELECT
    CAST(FLOOR(event_time TO SECOND) AS TIMESTAMP(3)),
    productCategory,
    currency,
    COUNT(*),
    CAST(SUM(productQuantity) AS BIGINT),
    CAST(SUM(productPrice * productQuantity) AS DECIMAL(38, 2))
FROM timed_sales
WHERE
    CHAR_LENGTH(productId) BETWEEN 1 AND 64
    AND REGEXP(productCategory, '\A[^\p{Cntrl}{\[][^\p{Cntrl}]{0,63}\z')
    AND productPrice >= 0
    AND productPrice < 10000000000
    AND productPrice = ROUND(productPrice, 2)
    AND productQuantity BETWEEN 1 AND 1000000
    AND productQuantity = FLOOR(productQuantity)
    AND REGEXP(currency, '\A[A-Z]{3}\z')
    AND event_time >= TIMESTAMPADD(SECOND, -${MAX_LATENESS_S}, append_time)
    AND event_time <= TIMESTAMPADD(SECOND, ${MAX_AHEAD_S}, append_time)
GROUP BY FLOOR(event_time TO SECOND), productCategory, currency;
