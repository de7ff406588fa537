-- Notices that a live page can draw from: whole rows, and the anomalies as they are found.

-- One notice for up to 14 rows of sales_summary, absolute values all of them:
-- [[second, category, currency, count, units, "cents", updated_ms], ...]. A notice holds at most
-- 8,000 bytes; a row takes at most some 530, with every character of its category escaped.
CREATE OR REPLACE FUNCTION tell_sales() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sales_' || TG_TABLE_SCHEMA, json_agg(news)::text)
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
            ) AS news,
            (row_number() OVER () - 1) / 14 AS notice
        FROM changed
    ) AS told
    GROUP BY notice;
    RETURN NULL;
END $$;

-- A row that is gone shows no sales any more.
CREATE OR REPLACE FUNCTION tell_sales_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sales_' || TG_TABLE_SCHEMA, json_agg(news)::text)
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
            ) AS news,
            (row_number() OVER () - 1) / 14 AS notice
        FROM changed
    ) AS told
    GROUP BY notice;
    RETURN NULL;
END $$;

-- New anomalies only: one that is written again after a failure has been told. At most some 850
-- bytes each, so 9 to a notice:
-- [[kind, category, "amount", "expected", score, detected_ms, partition, offset, id], ...]
CREATE FUNCTION tell_sale_anomaly() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('anomalies_' || TG_TABLE_SCHEMA, json_agg(news)::text)
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
            ) AS news,
            (row_number() OVER () - 1) / 9 AS notice
        FROM found
    ) AS told
    GROUP BY notice;
    RETURN NULL;
END $$;

-- [[kind, category, observed, expected, score, detected_ms, second], ...]
CREATE FUNCTION tell_window_anomaly() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('anomalies_' || TG_TABLE_SCHEMA, json_agg(news)::text)
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
            ) AS news,
            (row_number() OVER () - 1) / 9 AS notice
        FROM found
    ) AS told
    GROUP BY notice;
    RETURN NULL;
END $$;

CREATE TRIGGER sale_anomaly_told AFTER INSERT ON sale_anomaly
REFERENCING NEW TABLE AS found
FOR EACH STATEMENT EXECUTE FUNCTION tell_sale_anomaly();

CREATE TRIGGER window_anomaly_told AFTER INSERT ON window_anomaly
REFERENCING NEW TABLE AS found
FOR EACH STATEMENT EXECUTE FUNCTION tell_window_anomaly();
