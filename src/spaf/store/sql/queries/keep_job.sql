-- Record that the run still runs the job, and the newest checkpoint of it. Grain: one row.
UPDATE job_record
SET
    owner_seen_at = clock_timestamp(),
    job_id = %(job_id)s,
    checkpoint = CASE WHEN %(checkpoint)s <> '' THEN %(checkpoint)s ELSE checkpoint END,
    checkpoint_ms = CASE WHEN %(checkpoint)s <> '' THEN %(checkpoint_ms)s ELSE checkpoint_ms END
WHERE claim = %(claim)s AND owner = %(owner)s
