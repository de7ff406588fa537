-- End the sessions of the sink. Grain: session.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'spaf_sink'
