-- The sink writes the answers, the reader reads everything, neither does more. On a PostgreSQL
-- of the user's own there may be no such roles; its one user then does it all.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO spaf_sink, spaf_read', current_schema());
        GRANT SELECT, INSERT, UPDATE, DELETE
        ON sales_summary, ledger_second, sale_anomaly, window_anomaly, topic_position TO spaf_sink;
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO spaf_read', current_schema());
    END IF;
END $$;
