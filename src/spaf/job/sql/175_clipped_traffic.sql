-- Traffic with each second's count brought to within three deviations of the seconds before it.
-- Grain: second of append time, category.
CREATE TEMPORARY VIEW clipped_traffic AS
SELECT
    window_start,
    closed,
    category,
    observed,
    CASE
        WHEN n <= ${least_seconds} THEN observed
        ELSE
            LEAST(
                GREATEST(observed, CAST(FLOOR(mean - 3e0 * SQRT(mean)) AS BIGINT)),
                CAST(CEIL(mean + 3e0 * SQRT(mean)) AS BIGINT) + 1
            )
    END AS clipped
FROM (
    SELECT
        *,
        CASE WHEN n > 1 THEN CAST(s - observed AS DOUBLE) / (n - 1) ELSE observed END AS mean
    FROM (
        SELECT
            window_start,
            closed,
            category,
            observed,
            COUNT(*) OVER before AS n,
            SUM(observed) OVER before AS s
        FROM traffic_of_second
        WINDOW before AS (
            PARTITION BY category
            ORDER BY closed
            ROWS BETWEEN ${surge_seconds} PRECEDING AND CURRENT ROW
        )
    )
)
