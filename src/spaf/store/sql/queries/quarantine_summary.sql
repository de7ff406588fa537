-- Records counted and kept, the most frequent reason first. Grain: reason.
SELECT *
FROM quarantine_summary
ORDER BY records DESC, reason ASC
