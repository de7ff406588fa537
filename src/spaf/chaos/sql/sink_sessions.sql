-- Sessions of the sink. Grain: session.
SELECT pid FROM pg_stat_activity WHERE usename = 'spaf_sink'
