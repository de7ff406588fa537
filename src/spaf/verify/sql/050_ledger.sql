-- What became of the records. Grain: partition, second of append time.
SELECT
    part,
    append_second,
    min(off) FILTER (WHERE counted) AS min_offset,
    max(off) FILTER (WHERE counted) AS max_offset,
    count(*) FILTER (WHERE counted AND outcome = 0) AS accepted,
    count(*) FILTER (WHERE counted AND outcome = 1) AS late,
    count(*) FILTER (WHERE counted AND place = 0) AS records,
    coalesce(max(off) FILTER (WHERE counted AND outcome < 3), -1) AS readable,
    bool_or(NOT counted) AS is_open,
    coalesce(
        sum(unit_cents * quantity) FILTER (WHERE counted AND outcome = 1), 0
    ) AS late_cents,
    max(append_ms) FILTER (WHERE counted AND outcome < 3) AS newest_counted,
    max(append_ms) FILTER (WHERE outcome < 3) AS newest
FROM event
GROUP BY ALL;
