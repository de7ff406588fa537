-- Table of the limits of a drain. Grain: partition.
CREATE TABLE record_count (
    kafka_partition integer PRIMARY KEY,
    records bigint NOT NULL,
    field_values bigint NOT NULL
)
