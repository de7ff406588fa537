-- Add records and money to a count. Grain: partition, reason, currency.
INSERT INTO quarantine_count AS c (kafka_partition, reason, currency, records, amount)
VALUES (%(partition)s, %(reason)s, %(currency)s, %(records)s, %(amount)s)
ON CONFLICT (kafka_partition, reason, currency) DO UPDATE
SET records = c.records + excluded.records, amount = c.amount + excluded.amount
