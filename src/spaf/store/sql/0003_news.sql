-- Say what has changed, to whoever listens, at the moment it becomes visible.

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER sales_summary_touch BEFORE UPDATE ON sales_summary
FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- One notice for up to 15 rows: [[second, category, currency, sales_count], ...]. A notice holds
-- at most 8,000 bytes; a row takes at most some 450, with every character escaped.
CREATE FUNCTION tell_sales() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sales_' || TG_TABLE_SCHEMA, json_agg(news)::text)
    FROM (
        SELECT
            json_build_array(
                extract(epoch FROM window_start)::bigint, category, currency, sales_count
            ) AS news,
            (row_number() OVER () - 1) / 15 AS notice
        FROM changed
    ) AS told
    GROUP BY notice;
    RETURN NULL;
END $$;

CREATE TRIGGER sales_summary_told_insert AFTER INSERT ON sales_summary
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION tell_sales();

CREATE TRIGGER sales_summary_told_update AFTER UPDATE ON sales_summary
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION tell_sales();
