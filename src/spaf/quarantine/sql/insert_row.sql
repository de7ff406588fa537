-- Insert a record that was not accepted, unless it is there. Grain: partition, offset.
INSERT INTO quarantine (
    kafka_partition, kafka_offset, append_time, reason, payload, payload_bytes, category, currency,
    amount, lateness_ms
)
VALUES (
    %(partition)s, %(offset)s, to_timestamp(%(append_ms)s / 1000.0), %(reason)s, %(payload)s,
    %(payload_bytes)s, %(category)s, %(currency)s, %(amount)s, %(lateness_ms)s
)
ON CONFLICT (kafka_partition, kafka_offset) DO NOTHING
