"""Throughput: drains of a full topic, the cost of each table, the speed of a verification."""
