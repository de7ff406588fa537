-- The tables that the job writes, and sales_summary by minute and by day.

-- Sales, units and money. Grain: second of event time, category, currency.
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
-- A row is updated several times within its second; free space on its page keeps the updates there.
WITH (fillfactor = 70);

-- The query of the brief reads the newest rows first.
CREATE INDEX sales_summary_created_at ON sales_summary (created_at);

-- Readable records by outcome. Grain: partition, second of append time.
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

-- Every record below done_offset is in the tables: the position of the newest complete checkpoint.
-- Grain: partition.
CREATE TABLE topic_position (
    kafka_partition integer PRIMARY KEY,
    start_offset bigint NOT NULL,
    done_offset bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Sales at an unusual price or of an unusual quantity. Grain: partition, offset, kind.
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

-- Copies of a sale that do not count. Grain: block of append time; a block without any has no row.
CREATE TABLE duplicate_block (
    block_start timestamptz PRIMARY KEY,
    block_end timestamptz NOT NULL,
    duplicates bigint NOT NULL,
    conflicting bigint NOT NULL
);

-- Set the time of the last change of a row.
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER sales_summary_touch BEFORE UPDATE ON sales_summary
FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- With deduplication a second may lose its only sale to an earlier copy. The job then writes zeros,
-- and the row is deleted.
CREATE FUNCTION drop_empty_second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sales_summary
    WHERE window_start = NEW.window_start
        AND category = NEW.category
        AND currency = NEW.currency;
    RETURN NULL;
END $$;

CREATE TRIGGER sales_summary_empty BEFORE INSERT ON sales_summary
FOR EACH ROW WHEN (new.sales_count = 0) EXECUTE FUNCTION drop_empty_second();

-- Sales, units and money. Grain: minute, category, currency.
CREATE VIEW sales_minute AS
SELECT
    date_trunc('minute', window_start) AS window_start,
    category,
    currency,
    sum(sales_count) AS sales_count,
    sum(units_sold) AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
GROUP BY 1, 2, 3;

-- The same by day in UTC. Grain: day, category, currency.
CREATE VIEW sales_day AS
SELECT
    date_trunc('day', window_start, 'UTC') AS window_start,
    category,
    currency,
    sum(sales_count) AS sales_count,
    sum(units_sold) AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
GROUP BY 1, 2, 3;
