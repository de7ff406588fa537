-- Decode the columns that the job uses, and count. Grain: partition.
-- Each column is counted, so that no planner can leave one undecoded.
INSERT INTO record_count
SELECT
    kafka_partition,
    COUNT(*) AS records,
    COUNT(productId) + COUNT(productCategory) + COUNT(productPrice) + COUNT(productQuantity)
    + COUNT(currency) + COUNT(transactionId) + COUNT(eventTime) + COUNT(transactionDate)
        AS field_values
FROM sale_log
GROUP BY kafka_partition
