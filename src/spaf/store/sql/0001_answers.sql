-- The tables that the job writes, the position it has reached, and who may do what.

-- Grain: second of event time, category, currency.
CREATE TABLE sales_summary (
    window_start timestamptz NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    sales_count bigint NOT NULL,
    units_sold bigint NOT NULL,
    total_sales numeric NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (window_start, category, currency)
)
-- A row is updated a few times within its second: room on the page keeps those updates in place.
WITH (fillfactor = 70);

-- For the query of the brief: the newest rows first.
CREATE INDEX sales_summary_created_at ON sales_summary (created_at);

-- What became of the records that the job could read. Grain: partition, second of append time.
CREATE TABLE ledger_second (
    kafka_partition integer NOT NULL,
    append_second timestamptz NOT NULL,
    accepted bigint NOT NULL,
    late bigint NOT NULL,
    refused bigint NOT NULL,
    min_offset bigint NOT NULL,
    max_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, append_second)
)
WITH (fillfactor = 70);

-- How far the job has come for certain: everything below done_offset is in the tables.
-- Grain: partition.
CREATE TABLE topic_position (
    kafka_partition integer PRIMARY KEY,
    start_offset bigint NOT NULL,
    done_offset bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Sales of an unusual amount. Grain: partition, offset, kind.
CREATE TABLE sale_anomaly (
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    kind text NOT NULL,
    transaction_id text,
    category text NOT NULL,
    amount numeric NOT NULL,
    expected numeric NOT NULL,
    score double precision NOT NULL,
    detected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kafka_partition, kafka_offset, kind)
);

CREATE INDEX sale_anomaly_detected_at ON sale_anomaly (detected_at);

-- Seconds of unusual traffic. Grain: second of append time, category, kind.
CREATE TABLE window_anomaly (
    window_start timestamptz NOT NULL,
    category text NOT NULL,
    kind text NOT NULL,
    observed bigint NOT NULL,
    expected double precision NOT NULL,
    score double precision NOT NULL,
    detected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (window_start, category, kind)
);

CREATE INDEX window_anomaly_detected_at ON window_anomaly (detected_at);
