-- Deduplication by transactionId (job.deduplicate_minutes): which copies were not counted, and sums
-- that may lose a sale again.

-- Copies beyond the first. Grain: block of append time; a block without any has no row.
CREATE TABLE duplicate_block (
    block_start timestamptz PRIMARY KEY,
    block_end timestamptz NOT NULL,
    duplicates bigint NOT NULL,
    conflicting bigint NOT NULL
);

-- A second that has lost its only sale to an earlier copy is written as zeros: it has no row then.
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

-- Whoever listens learns that a row is gone: it shows no sales any more.
CREATE FUNCTION tell_sales_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sales_' || TG_TABLE_SCHEMA, json_agg(news)::text)
    FROM (
        SELECT
            json_build_array(
                extract(epoch FROM window_start)::bigint, category, currency, 0
            ) AS news,
            (row_number() OVER () - 1) / 15 AS notice
        FROM changed
    ) AS told
    GROUP BY notice;
    RETURN NULL;
END $$;

CREATE TRIGGER sales_summary_told_delete AFTER DELETE ON sales_summary
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION tell_sales_gone();

-- The whole topic: records = accepted + duplicates + late + rejected. One row.
-- ingest_ledger and ingest_account count records, so each accepted copy is accepted there; here
-- only the sales that count are.
CREATE VIEW ingest_total AS
SELECT
    a.records,
    a.accepted - d.duplicates AS accepted,
    d.duplicates,
    d.conflicting,
    a.late,
    a.rejected
FROM (
    SELECT
        coalesce(sum(end_offset - start_offset), 0)::bigint AS records,
        coalesce(sum(accepted), 0)::bigint AS accepted,
        coalesce(sum(late), 0)::bigint AS late,
        coalesce(sum(rejected), 0)::bigint AS rejected
    FROM ingest_account
) AS a
CROSS JOIN (
    SELECT
        coalesce(sum(duplicates), 0)::bigint AS duplicates,
        coalesce(sum(conflicting), 0)::bigint AS conflicting
    FROM duplicate_block
) AS d;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON duplicate_block TO spaf_sink;
        GRANT SELECT ON duplicate_block, ingest_total TO spaf_read;
    END IF;
END $$;
