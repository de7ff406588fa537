-- Record that the run no longer runs the job. Grain: one row.
UPDATE job_record
SET owner_seen_at = NULL
WHERE claim = %(claim)s AND owner = %(owner)s
