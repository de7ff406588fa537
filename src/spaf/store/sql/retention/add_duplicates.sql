-- Delete the blocks that end before a second, and keep their sums. Grain: one row.
WITH dropped AS (
    DELETE FROM duplicate_block
    WHERE block_end <= %(before)s
    RETURNING duplicates, conflicting
)

UPDATE retention AS r
SET duplicates = r.duplicates + d.duplicates,
    conflicting = r.conflicting + d.conflicting
FROM (
    SELECT
        coalesce(sum(duplicates), 0) AS duplicates,
        coalesce(sum(conflicting), 0) AS conflicting
    FROM dropped
) AS d
