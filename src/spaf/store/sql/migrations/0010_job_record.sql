-- The job that writes these tables: which SPAF runs it, and from where it can go on.
--
-- State and rows belong together, so what is known of the state is in the tables' own schema:
-- another machine with the same tables finds it, and new tables know of no checkpoint.
-- Grain: one row.
CREATE TABLE job_record (
    one boolean PRIMARY KEY DEFAULT TRUE CHECK (one),
    consumer_group text NOT NULL,
    -- The run that has handed the job over, and when it was last seen; without a time it has ended.
    owner text NOT NULL DEFAULT '',
    owner_seen_at timestamptz,
    -- Stands in the name of the job on a cluster of the user's own.
    claim text NOT NULL DEFAULT '',
    job_id text NOT NULL DEFAULT '',
    -- What the state depends on: the compiled plan, its key groups, the topic.
    plan text NOT NULL DEFAULT '',
    -- Kafka's id of the topic.
    topic_id text NOT NULL DEFAULT '',
    -- Newest complete checkpoint or savepoint on another cluster, and when it was triggered, epoch
    -- milliseconds.
    checkpoint text NOT NULL DEFAULT '',
    checkpoint_ms bigint NOT NULL DEFAULT 0
);

INSERT INTO job_record (consumer_group) VALUES ('spaf-job');

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'spaf_sink') THEN
        GRANT SELECT, UPDATE ON job_record TO spaf_sink;
        GRANT SELECT ON job_record TO spaf_read;
    END IF;
END $$;
