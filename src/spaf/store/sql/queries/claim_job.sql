-- Record the run that hands a job over; one that starts anew has no checkpoint. Grain: one row.
UPDATE job_record
SET
    owner = %(owner)s,
    owner_seen_at = clock_timestamp(),
    claim = %(claim)s,
    job_id = '',
    plan = %(plan)s,
    topic_id = %(topic_id)s,
    consumer_group = %(consumer_group)s,
    checkpoint = CASE WHEN %(resumes)s THEN checkpoint ELSE '' END,
    checkpoint_ms = CASE WHEN %(resumes)s THEN checkpoint_ms ELSE 0 END
