-- Offset from which the tables were counted. Grain: partition.
SELECT
    kafka_partition,
    start_offset
FROM topic_position
