-- The sink writes the rows, the reader reads everything, neither has further rights. A PostgreSQL
-- of the user's own may lack these roles; its one account serves every role.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO spaf_sink, spaf_read', current_schema());
        GRANT SELECT, INSERT, UPDATE, DELETE
        ON sales_summary, ledger_second, sale_anomaly, window_anomaly, duplicate_block,
        topic_position, quarantine, quarantine_count, quarantine_position, quarantine_replay
        TO spaf_sink;
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO spaf_read', current_schema());
    END IF;
END $$;
