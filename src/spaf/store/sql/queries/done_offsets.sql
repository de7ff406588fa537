-- Offset below which every record is in the tables. Grain: partition.
SELECT
    kafka_partition,
    done_offset
FROM topic_position
