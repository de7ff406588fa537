-- Retention: the two tables that grow with time are divided by time, so that the oldest part can be
-- dropped at once, and the sums of what was dropped are kept. src/spaf/store/retention.py creates
-- the parts ahead and drops them; rows of no part are in that of the name _other.
--
-- A row of a second before a fence is neither written nor deleted: a job that counts the topic
-- again must neither bring back a row that was dropped, nor change one to which deleted records
-- belong. Its sink deletes a row now and then and writes it again, when a flush comes between the
-- two halves of a change. The fences are triggers, created again by each step of the retention.

ALTER TABLE sales_summary RENAME TO sales_summary_before;

ALTER INDEX sales_summary_pkey RENAME TO sales_summary_before_pkey;

ALTER INDEX sales_summary_created_at RENAME TO sales_summary_before_created_at;

DROP TRIGGER sales_summary_touch ON sales_summary_before;

DROP TRIGGER sales_summary_empty ON sales_summary_before;

DROP TRIGGER sales_summary_notify_insert ON sales_summary_before;

DROP TRIGGER sales_summary_notify_update ON sales_summary_before;

DROP TRIGGER sales_summary_notify_delete ON sales_summary_before;

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
) PARTITION BY RANGE (window_start);

CREATE INDEX sales_summary_created_at ON sales_summary (created_at);

CREATE TABLE sales_summary_other PARTITION OF sales_summary DEFAULT
WITH (fillfactor = 70);

CREATE TRIGGER sales_summary_touch BEFORE UPDATE ON sales_summary
FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TRIGGER sales_summary_empty BEFORE INSERT ON sales_summary
FOR EACH ROW WHEN (new.sales_count = 0) EXECUTE FUNCTION drop_empty_second();

CREATE TRIGGER sales_summary_notify_insert AFTER INSERT ON sales_summary
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION notify_sales_summary();

CREATE TRIGGER sales_summary_notify_update AFTER UPDATE ON sales_summary
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION notify_sales_summary();

CREATE TRIGGER sales_summary_notify_delete AFTER DELETE ON sales_summary
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION notify_sales_summary_deleted();

DROP TRIGGER ledger_second_keep ON ledger_second;

ALTER TABLE ledger_second RENAME TO ledger_second_before;

ALTER INDEX ledger_second_pkey RENAME TO ledger_second_before_pkey;

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
) PARTITION BY RANGE (append_second);

CREATE TABLE ledger_second_other PARTITION OF ledger_second DEFAULT
WITH (fillfactor = 70);

CREATE TRIGGER ledger_second_keep BEFORE UPDATE ON ledger_second
FOR EACH ROW WHEN (new.max_offset < old.max_offset) EXECUTE FUNCTION keep_further_second();

-- What retention has dropped, and the fences. Grain: one row.
CREATE TABLE retention (
    single_row boolean PRIMARY KEY DEFAULT TRUE CHECK (single_row),
    -- Rows of earlier seconds were dropped.
    dropped_before timestamptz NOT NULL DEFAULT '-infinity',
    -- Rows of earlier seconds are not written any more: of sales_summary by event time, of
    -- ledger_second by append time.
    summary_fence timestamptz NOT NULL DEFAULT '-infinity',
    ledger_fence timestamptz NOT NULL DEFAULT '-infinity',
    -- Sums of the blocks of duplicate_block that were dropped.
    duplicates bigint NOT NULL DEFAULT 0,
    conflicting bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO retention DEFAULT VALUES;

-- Sums of the seconds of ledger_second that were dropped. Grain: partition.
CREATE TABLE retention_ledger (
    kafka_partition integer PRIMARY KEY,
    accepted bigint NOT NULL,
    late bigint NOT NULL,
    without_record bigint NOT NULL,
    -- The last readable record of these seconds.
    max_offset bigint NOT NULL
);

-- Leave everything as it is, but for the retention's own deletions.
CREATE FUNCTION discard_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('spaf.drops', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RETURN NULL;
END $$;

-- The views read the new tables.

CREATE OR REPLACE VIEW sales_minute AS
SELECT
    date_trunc('minute', window_start) AS window_start,
    category,
    currency,
    sum(sales_count) AS sales_count,
    sum(units_sold) AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
GROUP BY 1, 2, 3;

CREATE OR REPLACE VIEW sales_day AS
SELECT
    date_trunc('day', window_start, 'UTC') AS window_start,
    category,
    currency,
    sum(sales_count) AS sales_count,
    sum(units_sold) AS units_sold,
    sum(total_sales) AS total_sales
FROM sales_summary
GROUP BY 1, 2, 3;

-- Grain: partition, second of append time. Offsets = accepted + late + rejected + without_record.
-- The first second goes on where the dropped ones end.
CREATE OR REPLACE VIEW ingest_ledger AS
WITH neighbour AS (
    SELECT
        *,
        lag(max_offset) OVER by_time AS offset_of_second_before,
        lead(append_second) OVER by_time IS NULL AS is_last
    FROM ledger_second
    WINDOW by_time AS (PARTITION BY kafka_partition ORDER BY append_second)
),

reach AS (
    SELECT
        l.kafka_partition,
        l.append_second,
        l.accepted,
        l.late,
        coalesce(
            l.offset_of_second_before, d.max_offset, t.start_offset - 1, l.min_offset - 1
        ) AS before_offset,
        CASE
            WHEN l.is_last THEN greatest(l.max_offset, t.done_offset - 1)
            ELSE l.max_offset
        END AS last_offset
    FROM neighbour AS l
    LEFT JOIN topic_position AS t USING (kafka_partition)
    LEFT JOIN retention_ledger AS d USING (kafka_partition)
    UNION ALL
    -- A partition without any readable record, or with none that was not dropped.
    SELECT
        t.kafka_partition,
        date_trunc('second', t.updated_at),
        0,
        0,
        coalesce(d.max_offset, t.start_offset - 1),
        t.done_offset - 1
    FROM topic_position AS t
    LEFT JOIN retention_ledger AS d USING (kafka_partition)
    WHERE t.done_offset > coalesce(d.max_offset + 1, t.start_offset)
        AND NOT EXISTS (
            SELECT FROM ledger_second AS l WHERE l.kafka_partition = t.kafka_partition
        )
)
SELECT
    r.kafka_partition,
    r.append_second,
    r.accepted,
    r.late,
    r.last_offset - r.before_offset - r.accepted - r.late - w.offsets AS rejected,
    r.before_offset + 1 AS min_offset,
    r.last_offset AS max_offset,
    w.offsets AS without_record
FROM reach AS r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(o.offsets), 0)::bigint AS offsets
    FROM offsets_without_record AS o
    WHERE o.kafka_partition = r.kafka_partition
        AND o.first_offset BETWEEN r.before_offset + 1 AND r.last_offset
) AS w;

-- The same sums, with those of the dropped seconds, without reading every second. Grain: partition.
CREATE OR REPLACE VIEW ingest_account AS
SELECT
    kafka_partition,
    start_offset,
    end_offset,
    accepted,
    late,
    end_offset - start_offset - accepted - late - without_record AS rejected,
    without_record
FROM (
    SELECT
        t.kafka_partition,
        t.start_offset,
        greatest(
            t.done_offset, coalesce(l.max_offset, d.max_offset) + 1, t.start_offset
        ) AS end_offset,
        coalesce(l.accepted, 0) + coalesce(d.accepted, 0) AS accepted,
        coalesce(l.late, 0) + coalesce(d.late, 0) AS late,
        coalesce(p.without_record, 0) + coalesce(d.without_record, 0) AS without_record
    FROM topic_position AS t
    LEFT JOIN quarantine_position AS p USING (kafka_partition)
    LEFT JOIN retention_ledger AS d USING (kafka_partition)
    LEFT JOIN (
        SELECT
            kafka_partition,
            max(max_offset) AS max_offset,
            sum(accepted) AS accepted,
            sum(late) AS late
        FROM ledger_second
        GROUP BY kafka_partition
    ) AS l USING (kafka_partition)
) AS a;

-- The whole topic: records = accepted + duplicates + late + rejected. Grain: one row.
CREATE OR REPLACE VIEW ingest_total AS
SELECT
    a.records,
    a.accepted - d.duplicates AS accepted,
    d.duplicates,
    d.conflicting,
    a.late,
    a.rejected,
    a.without_record
FROM (
    SELECT
        coalesce(sum(end_offset - start_offset - without_record), 0)::bigint AS records,
        coalesce(sum(accepted), 0)::bigint AS accepted,
        coalesce(sum(late), 0)::bigint AS late,
        coalesce(sum(rejected), 0)::bigint AS rejected,
        coalesce(sum(without_record), 0)::bigint AS without_record
    FROM ingest_account
) AS a
CROSS JOIN (
    SELECT
        (coalesce(sum(b.duplicates), 0) + max(r.duplicates))::bigint AS duplicates,
        (coalesce(sum(b.conflicting), 0) + max(r.conflicting))::bigint AS conflicting
    FROM retention AS r
    LEFT JOIN duplicate_block AS b ON TRUE
) AS d;

-- Rows of before become a part of their own, up to the end of the present day or of their last one.
DO $$
DECLARE
    part record;
    bound timestamptz;
BEGIN
    FOR part IN
        VALUES ('sales_summary', 'window_start'), ('ledger_second', 'append_second')
    LOOP
        EXECUTE format('SELECT max(%I) FROM %I', part.column2, part.column1 || '_before') INTO bound;
        IF bound IS NULL THEN
            EXECUTE format('DROP TABLE %I', part.column1 || '_before');
        ELSE
            bound := date_trunc('day', greatest(bound, now()), 'UTC') + interval '1 day';
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
                part.column1, part.column1 || '_before', bound
            );
        END IF;
    END LOOP;
END $$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON sales_summary, ledger_second TO spaf_sink;
        GRANT SELECT ON sales_summary, ledger_second, retention, retention_ledger
        TO spaf_sink, spaf_read;
    END IF;
END $$;
