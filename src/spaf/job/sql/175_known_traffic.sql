-- Traffic with what it was before: how often a category sold, and how much that varied.
-- Grain: second of append time, category.
-- c1 to c16 are the sales of the last one to sixteen seconds, this one included. base and variation
-- (variance over mean) are those of a third of the past, behind the last sixteen seconds; older and
-- oldest are those of the two thirds before it. With half a sale more: two sales after long silence
-- are no surge. All are differences of running sums, because a query level has but one frame.
CREATE TEMPORARY VIEW known_traffic AS
SELECT
    *,
    LAG(base, ${third_seconds}) OVER by_second AS older_base,
    LAG(base, ${two_thirds_seconds}) OVER by_second AS oldest_base,
    LAG(variation, ${third_seconds}) OVER by_second AS older_variation,
    LAG(variation, ${two_thirds_seconds}) OVER by_second AS oldest_variation
FROM (
    SELECT
        closed,
        category,
        c1,
        c2,
        c4,
        c8,
        c16,
        m,
        CASE WHEN m >= ${least_seconds} THEN (sales + 0.5e0) / m END AS base,
        CASE
            WHEN m >= ${least_seconds}
                THEN
                    LEAST(
                        GREATEST(
                            (squares - CAST(sales AS DOUBLE) * sales / m)
                            / (m - 1) / GREATEST(CAST(sales AS DOUBLE) / m, 1e0),
                            1e0
                        ),
                        ${most_variation}
                    )
        END AS variation
    FROM (
        SELECT
            closed,
            category,
            s - LAG(s, 1, CAST(0 AS BIGINT)) OVER by_second AS c1,
            s - LAG(s, 2, CAST(0 AS BIGINT)) OVER by_second AS c2,
            s - LAG(s, 4, CAST(0 AS BIGINT)) OVER by_second AS c4,
            s - LAG(s, 8, CAST(0 AS BIGINT)) OVER by_second AS c8,
            s - LAG(s, 16, CAST(0 AS BIGINT)) OVER by_second AS c16,
            LAG(n, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(n, ${past_seconds}, CAST(0 AS BIGINT)) OVER by_second AS m,
            LAG(s, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(s, ${past_seconds}, CAST(0 AS BIGINT)) OVER by_second AS sales,
            LAG(q, 16, CAST(0 AS BIGINT)) OVER by_second
            - LAG(q, ${past_seconds}, CAST(0 AS BIGINT)) OVER by_second AS squares
        FROM (
            SELECT
                *,
                COUNT(*) OVER so_far AS n,
                SUM(observed) OVER so_far AS s,
                SUM(observed * observed) OVER so_far AS q
            FROM traffic_of_second
            WINDOW so_far AS (
                PARTITION BY category
                ORDER BY closed
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        )
        WINDOW by_second AS (PARTITION BY category ORDER BY closed)
    )
)
WINDOW by_second AS (PARTITION BY category ORDER BY closed)
