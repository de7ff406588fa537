-- The job that writes the tables. Grain: one row.
SELECT
    consumer_group,
    owner,
    extract(EPOCH FROM clock_timestamp() - owner_seen_at)::double precision AS owner_age_s,
    claim,
    job_id,
    plan,
    topic_id,
    checkpoint,
    checkpoint_ms
FROM job_record
