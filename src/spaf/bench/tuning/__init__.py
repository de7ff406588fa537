"""What each setting of Flink, Kafka's client and PostgreSQL changes of latency and cost."""
