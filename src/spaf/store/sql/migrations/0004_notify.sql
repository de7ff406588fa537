-- Notifications of changed rows, sent by the commit that makes them visible.

-- One notification for up to 14 rows of sales_summary, all values absolute:
-- [[second, category, currency, count, units, "cents", updated_ms], ...]. A notification holds at
-- most 8,000 bytes; a row takes at most about 530, with every character of its category escaped.
CREATE FUNCTION notify_sales_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sales_' || TG_TABLE_SCHEMA, json_agg(element)::text)
    FROM (
        SELECT
            json_build_array(
                extract(epoch FROM window_start)::bigint,
                category,
                currency,
                sales_count,
                units_sold,
                round(total_sales * 100)::text,
                floor(extract(epoch FROM updated_at) * 1000)::bigint
            ) AS element,
            (row_number() OVER () - 1) / 14 AS notification
        FROM changed
    ) AS numbered
    GROUP BY notification;
    RETURN NULL;
END $$;

CREATE TRIGGER sales_summary_notify_insert AFTER INSERT ON sales_summary
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION notify_sales_summary();

CREATE TRIGGER sales_summary_notify_update AFTER UPDATE ON sales_summary
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION notify_sales_summary();

-- A deleted row, as one with 0 sales.
CREATE FUNCTION notify_sales_summary_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sales_' || TG_TABLE_SCHEMA, json_agg(element)::text)
    FROM (
        SELECT
            json_build_array(
                extract(epoch FROM window_start)::bigint,
                category,
                currency,
                0,
                0,
                '0',
                floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
            ) AS element,
            (row_number() OVER () - 1) / 14 AS notification
        FROM changed
    ) AS numbered
    GROUP BY notification;
    RETURN NULL;
END $$;

CREATE TRIGGER sales_summary_notify_delete AFTER DELETE ON sales_summary
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION notify_sales_summary_deleted();

-- Inserted anomalies only: one that the job writes again after a failure was sent before. Each
-- takes at most about 850 bytes, so a notification holds 9:
-- [[kind, category, "amount", "expected", score, detected_ms, partition, offset, id], ...]
CREATE FUNCTION notify_sale_anomaly() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('anomalies_' || TG_TABLE_SCHEMA, json_agg(element)::text)
    FROM (
        SELECT
            json_build_array(
                kind,
                category,
                round(amount * 100)::text,
                round(expected * 100)::text,
                score,
                floor(extract(epoch FROM detected_at) * 1000)::bigint,
                kafka_partition,
                kafka_offset,
                transaction_id
            ) AS element,
            (row_number() OVER () - 1) / 9 AS notification
        FROM inserted
    ) AS numbered
    GROUP BY notification;
    RETURN NULL;
END $$;

-- [[kind, category, observed, expected, score, detected_ms, second], ...]
CREATE FUNCTION notify_window_anomaly() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('anomalies_' || TG_TABLE_SCHEMA, json_agg(element)::text)
    FROM (
        SELECT
            json_build_array(
                kind,
                category,
                observed,
                expected,
                score,
                floor(extract(epoch FROM detected_at) * 1000)::bigint,
                extract(epoch FROM window_start)::bigint
            ) AS element,
            (row_number() OVER () - 1) / 9 AS notification
        FROM inserted
    ) AS numbered
    GROUP BY notification;
    RETURN NULL;
END $$;

CREATE TRIGGER sale_anomaly_notify AFTER INSERT ON sale_anomaly
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION notify_sale_anomaly();

CREATE TRIGGER window_anomaly_notify AFTER INSERT ON window_anomaly
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION notify_window_anomaly();
