-- Statements of the job that have run for a second, and the root of their lock. Grain: both pids.
WITH RECURSIVE waiting AS (
    SELECT
        pid,
        query_start,
        concat_ws(': ', wait_event_type, wait_event) AS wait
    FROM pg_stat_activity
    WHERE application_name = 'spaf sink'
        AND state = 'active'
        AND query_start < clock_timestamp() - interval '1 second'
        AND query ~ (
            'INSERT INTO (sales_summary|ledger_second|sale_anomaly|window_anomaly'
            '|duplicate_block|topic_position)\M'
        )
),
chain AS (
    SELECT
        w.pid AS waiter,
        b.pid AS blocker,
        1 AS depth
    FROM waiting AS w
    CROSS JOIN unnest(pg_blocking_pids(w.pid)) AS b (pid)
    UNION
    SELECT
        c.waiter,
        b.pid,
        c.depth + 1
    FROM chain AS c
    CROSS JOIN unnest(pg_blocking_pids(c.blocker)) AS b (pid)
    WHERE c.depth < 10
)
SELECT
    w.pid,
    w.query_start,
    w.wait,
    c.blocker,
    coalesce(a.usename, '') AS username,
    coalesce(a.application_name, '') AS application,
    coalesce(a.xact_start, a.query_start, w.query_start) AS blocking_since,
    coalesce(a.query, '') AS query
FROM waiting AS w
LEFT JOIN chain AS c
    ON w.pid = c.waiter
    AND cardinality(pg_blocking_pids(c.blocker)) = 0
LEFT JOIN pg_stat_activity AS a ON c.blocker = a.pid
ORDER BY w.query_start ASC, c.depth DESC
