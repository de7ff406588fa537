-- Accepted sales of each known category in each second, silent ones as zero.
-- Grain: second of append time, category; what is not in the catalogue counts as (other).
-- One wide row a second is what makes the zeros: a plain GROUP BY has no row for a silent category.
CREATE TEMPORARY VIEW traffic_of_second AS
SELECT
    CAST(window_start AS TIMESTAMP(3)) AS window_start,
    closed,
    t.category AS category,
    COALESCE(t.sales, 0) AS observed
FROM (
    SELECT
        window_start,
        window_end,
        window_time AS closed,
        ${wide_counts}
    FROM TABLE(TUMBLE(TABLE count_of_second, DESCRIPTOR(closed), INTERVAL '1' SECOND))
    GROUP BY window_start, window_end, window_time
)
CROSS JOIN UNNEST(ARRAY[${wide_rows}]) AS t (category, sales)
