-- To every role: those of SPAF exist only in a PostgreSQL that it has started. Grain: table.
GRANT SELECT, INSERT, UPDATE ON record_count TO public
