-- How unusual each second is that has a past. Grain: second of append time, category.
WITH past AS (
    SELECT
        *,
        row_number() OVER by_second AS place,
        -- The third of the past that ends before the longest span.
        count(*) OVER third AS m,
        sum(c) OVER third AS sales,
        sum(c * c) OVER third AS squares,
        sum(c) OVER (PARTITION BY category ORDER BY append_second ROWS 1 PRECEDING) AS c2,
        sum(c) OVER (PARTITION BY category ORDER BY append_second ROWS 3 PRECEDING) AS c4,
        sum(c) OVER (PARTITION BY category ORDER BY append_second ROWS 7 PRECEDING) AS c8,
        sum(c) OVER (PARTITION BY category ORDER BY append_second ROWS 15 PRECEDING) AS c16
    FROM second_count
    WINDOW
        by_second AS (PARTITION BY category ORDER BY append_second),
        third AS (
            PARTITION BY category
            ORDER BY append_second
            ROWS BETWEEN $first_of_past PRECEDING AND 16 PRECEDING
        )
),

based AS (
    SELECT
        *,
        CASE WHEN m >= $least_seconds THEN (sales + 0.5e0) / m END AS base,
        CASE
            WHEN m >= $least_seconds
                THEN
                    least(
                        greatest(
                            (squares::DOUBLE - sales::DOUBLE * sales / m)
                            / (m - 1) / greatest(sales::DOUBLE / m, 1e0),
                            1e0
                        ),
                        $most_variation
                    )
        END AS variation
    FROM past
),

-- least and greatest pass over a third that is not there.
bounded AS (
    SELECT
        *,
        least(base, lag(base, $third) OVER by_second, lag(base, $two_thirds) OVER by_second)
            AS lowest,
        greatest(base, lag(base, $third) OVER by_second, lag(base, $two_thirds) OVER by_second)
            AS highest,
        least(
            variation,
            lag(variation, $third) OVER by_second,
            lag(variation, $two_thirds) OVER by_second
        ) AS least_varied
    FROM based
    WINDOW by_second AS (PARTITION BY category ORDER BY append_second)
),

spans AS (
    SELECT
        append_second,
        category,
        place,
        m,
        lowest,
        highest,
        least_varied,
        unnest([1, 2, 4, 8, 16]) AS span,
        unnest([c, c2, c4, c8, c16]) AS observed
    FROM bounded
    WHERE m >= $least_seconds
),

compared AS (
    SELECT
        *,
        greatest(
            least(greatest(observed::DOUBLE, span * lowest), span * highest), $least_expected
        ) AS expected
    FROM spans
),

corrected AS (
    SELECT
        *,
        CASE
            WHEN observed > expected THEN greatest(observed - 0.5e0, expected)
            ELSE least(observed + 0.5e0, expected)
        END AS nearer
    FROM compared
),

scored AS (
    SELECT
        *,
        sign(observed - expected)
        * sqrt(2e0 * greatest(nearer * ln(nearer / expected) - (nearer - expected), 0e0))
        / sqrt(least_varied * (1e0 + span::DOUBLE / m)) AS score
    FROM corrected
)

SELECT
    append_second,
    category,
    place,
    observed,
    expected,
    score
FROM scored
QUALIFY
    row_number() OVER (PARTITION BY append_second, category ORDER BY abs(score) DESC, span ASC) = 1
ORDER BY category, append_second;
