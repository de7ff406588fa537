-- Accepted sales of each category in each closed second in which anything was accepted.
-- Grain: second of append time, category; a silent category has a zero.
CREATE TABLE second_count AS
WITH counted AS (
    SELECT
        append_second,
        CASE WHEN category IN (SELECT known.category FROM known) THEN category ELSE '(other)' END
            AS category,
        count(*) AS c
    FROM event
    WHERE outcome = 0 AND append_second < $closed
    GROUP BY ALL
)

SELECT
    s.append_second,
    k.category,
    coalesce(counted.c, 0) AS c
FROM (SELECT DISTINCT append_second FROM counted) AS s
CROSS JOIN (SELECT category FROM known UNION ALL SELECT '(other)') AS k
LEFT JOIN counted USING (append_second, category);
