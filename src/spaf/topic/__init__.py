"""The Kafka topic that carries the sales: creation, offsets, reading a range, producing."""
