-- Anomaly score of each second that has enough history. Grain: second of append time, category.
WITH numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY category ORDER BY append_second) AS row_index
    FROM sales_per_second
),

with_history AS (
    SELECT
        *,
        -- Row n is the second that ends at n * 1000 ms; before any sale there is no silence.
        coalesce(
            row_index * 1000 - max((row_index - 1) * 1000 + last_sale_ms) OVER by_second, 0
        ) / 1000 AS silence_s,
        -- The newest third of the history, which ends before the longest span.
        count(*) OVER history AS history_rows,
        sum(sales) OVER history AS history_sales,
        sum(sales * sales) OVER history AS history_squares,
        -- From the last sale of a second to its end.
        count(last_sale_ms) OVER history AS history_gaps,
        sum(1000 - last_sale_ms) OVER history AS history_gaps_ms,
        sum(sales) OVER (by_second ROWS 1 PRECEDING) AS sales_last_2s,
        sum(sales) OVER (by_second ROWS 3 PRECEDING) AS sales_last_4s,
        sum(sales) OVER (by_second ROWS 7 PRECEDING) AS sales_last_8s,
        sum(sales) OVER (by_second ROWS 15 PRECEDING) AS sales_last_16s
    FROM numbered
    WINDOW
        by_second AS (PARTITION BY category ORDER BY append_second),
        history AS (
            PARTITION BY category
            ORDER BY append_second
            ROWS BETWEEN $history_start PRECEDING AND 16 PRECEDING
        )
),

with_rate AS (
    SELECT
        *,
        CASE
            WHEN history_rows >= $min_history_rows THEN (history_sales + 0.5e0) / history_rows
        END AS base_rate,
        CASE
            WHEN history_rows >= $min_history_rows
                THEN
                    least(
                        greatest(
                            (
                                history_squares::DOUBLE
                                - history_sales::DOUBLE * history_sales / history_rows
                            )
                            / (history_rows - 1)
                            / greatest(history_sales::DOUBLE / history_rows, 1e0),
                            1e0
                        ),
                        $max_dispersion
                    )
        END AS dispersion
    FROM with_history
),

-- least and greatest ignore a third that does not exist yet: it is NULL.
bounded AS (
    SELECT
        *,
        least(
            base_rate,
            lag(base_rate, $third_rows) OVER by_second,
            lag(base_rate, $two_thirds_rows) OVER by_second
        ) AS min_rate,
        greatest(
            base_rate,
            lag(base_rate, $third_rows) OVER by_second,
            lag(base_rate, $two_thirds_rows) OVER by_second
        ) AS max_rate,
        least(
            dispersion,
            lag(dispersion, $third_rows) OVER by_second,
            lag(dispersion, $two_thirds_rows) OVER by_second
        ) AS min_dispersion
    FROM with_rate
    WINDOW by_second AS (PARTITION BY category ORDER BY append_second)
),

spans AS (
    SELECT
        append_second,
        category,
        row_index,
        history_rows,
        min_rate,
        max_rate,
        min_dispersion,
        unnest([
            1,
            2,
            4,
            8,
            16,
            -- Sales in bunches are followed by silence as a rule.
            CASE
                WHEN
                    coalesce(history_gaps_ms, 0) * history_sales
                    <= $max_bunching * 1000 * history_gaps * history_rows
                    THEN silence_s
                ELSE 0
            END
        ]) AS span,
        unnest([sales, sales_last_2s, sales_last_4s, sales_last_8s, sales_last_16s, 0]) AS observed,
        unnest([1, 1, 1, 1, 1, $silence_weight::DOUBLE]) AS weight
    FROM bounded
    WHERE history_rows >= $min_history_rows
),

compared AS (
    SELECT
        *,
        greatest(
            least(greatest(observed::DOUBLE, span * min_rate), span * max_rate), $min_expected
        ) AS expected
    FROM spans
),

corrected AS (
    SELECT
        *,
        CASE
            WHEN observed > expected THEN greatest(observed - 0.5e0, expected)
            ELSE least(observed + 0.5e0, expected)
        END AS observed_corrected
    FROM compared
),

scored AS (
    SELECT
        *,
        weight
        * sign(observed - expected)
        * sqrt(
            2e0 * greatest(
                observed_corrected * ln(observed_corrected / expected)
                - (observed_corrected - expected),
                0e0
            )
        )
        / sqrt(min_dispersion * (1e0 + span::DOUBLE / history_rows)) AS score
    FROM corrected
)

SELECT
    append_second,
    category,
    row_index,
    observed,
    expected,
    score
FROM scored
QUALIFY
    row_number() OVER (PARTITION BY append_second, category ORDER BY abs(score) DESC, span ASC) = 1
ORDER BY category, append_second;
