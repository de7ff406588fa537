-- Commits and written-ahead bytes of the database so far. Grain: one row.
SELECT
    xact_commit,
    pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal_bytes
FROM pg_stat_database
WHERE datname = current_database()
