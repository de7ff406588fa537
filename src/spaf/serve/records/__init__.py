"""Single records, as they lie in Kafka and in the quarantine."""
