-- Minutes that are alerts. Grain: measure, category, minute.
WITH predicted AS (
    SELECT
        *,
        count(*) OVER earlier AS earlier_rows,
        x - avg(x) OVER earlier AS error_of_all,
        -- Means of earlier hours: of this hour of the day, and on such a day of the week.
        x - (sum(x) OVER of_hour - sum(x) OVER this_hour)
        / nullif(count(*) OVER of_hour - count(*) OVER this_hour, 0) AS error_of_hour,
        x - (sum(x) OVER of_slot - sum(x) OVER this_hour)
        / nullif(count(*) OVER of_slot - count(*) OVER this_hour, 0) AS error_of_slot
    FROM minute_series
    WINDOW
        earlier AS (
            PARTITION BY measure, category
            ORDER BY minute
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        of_hour AS (PARTITION BY measure, category, hour ORDER BY minute),
        of_slot AS (PARTITION BY measure, category, hour, is_weekend ORDER BY minute),
        this_hour AS (PARTITION BY measure, category, hour_index ORDER BY minute)
),

errors AS (
    SELECT
        *,
        count(error_of_hour) OVER earlier AS hour_rows,
        sum(error_of_hour ** 2) OVER earlier AS hour_squares,
        sum(error_of_all ** 2) FILTER (error_of_hour IS NOT NULL) OVER earlier AS hour_all_squares,
        count(error_of_slot) OVER earlier AS slot_rows,
        sum(error_of_slot ** 2) OVER earlier AS slot_squares,
        sum(error_of_hour ** 2) FILTER (error_of_slot IS NOT NULL) OVER earlier
            AS slot_hour_squares,
        sum(error_of_all ** 2) FILTER (error_of_slot IS NOT NULL) OVER earlier AS slot_all_squares
    FROM predicted
    WINDOW
        earlier AS (
            PARTITION BY measure, category
            ORDER BY minute
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),

residuals AS (
    SELECT
        *,
        CASE
            WHEN
                error_of_slot IS NOT NULL
                AND slot_rows >= $min_seasonal_rows
                AND slot_squares
                < $seasonal_gain::DOUBLE * least(slot_hour_squares, slot_all_squares)
                THEN error_of_slot
            WHEN
                error_of_hour IS NOT NULL
                AND hour_rows >= $min_seasonal_rows
                AND hour_squares < $seasonal_gain::DOUBLE * hour_all_squares
                THEN error_of_hour
            ELSE coalesce(error_of_all, 0)
        END AS residual
    FROM errors
),

changes AS (
    SELECT
        *,
        coalesce(residual - lag(residual) OVER by_time, 0) AS jump,
        CASE
            WHEN earlier_rows >= $min_series_rows + $shift_rows
                THEN $shift_weight::DOUBLE * avg(residual) OVER (by_time ROWS $earlier_shift_rows PRECEDING)
            ELSE 0
        END AS shift,
        greatest(
            CASE
                WHEN unit > 0 THEN unit * sqrt(greatest(x - residual, 0) / unit + 1)
                ELSE 0
            END,
            $min_relative_scale::DOUBLE * abs(x - residual)
        ) AS min_scale
    FROM residuals
    WINDOW by_time AS (PARTITION BY measure, category ORDER BY minute)
),

scales AS (
    SELECT
        *,
        greatest(cbrt(avg(abs(residual) ** 3) OVER earlier), min_scale) AS scale,
        greatest(cbrt(avg(abs(jump) ** 3) OVER earlier), min_scale) AS jump_scale,
        greatest(cbrt(avg(abs(residual) ** 3) OVER before_shift), min_scale) AS shift_scale
    FROM changes
    WINDOW
        earlier AS (
            PARTITION BY measure, category
            ORDER BY minute
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        before_shift AS (
            PARTITION BY measure, category
            ORDER BY minute
            ROWS BETWEEN UNBOUNDED PRECEDING AND $shift_rows PRECEDING
        )
),

deviations AS (
    SELECT
        *,
        greatest(
            least(
                CASE
                    WHEN earlier_rows < $min_series_rows THEN 0
                    WHEN
                        abs(jump) * scale > abs(residual) * jump_scale
                        AND abs(jump) * shift_scale >= abs(shift) * jump_scale
                        THEN jump / jump_scale
                    WHEN abs(shift) * scale > abs(residual) * shift_scale THEN shift / shift_scale
                    WHEN residual = 0 THEN 0
                    ELSE residual / scale
                END,
                $max_deviation::DOUBLE
            ),
            -$max_deviation::DOUBLE
        ) AS deviation
    FROM scales
),

alerts AS (
    SELECT
        *,
        abs(deviation) > $threshold::DOUBLE
        AND abs(deviation) > coalesce(
            max(abs(deviation)) OVER (
                PARTITION BY measure, category
                ORDER BY minute
                ROWS BETWEEN $pause_rows PRECEDING AND 1 PRECEDING
            ),
            0
        ) AS is_alert
    FROM deviations
)

SELECT
    measure,
    category,
    minute * 60 AS second,
    x::BIGINT AS observed,
    x - residual AS expected,
    deviation
FROM alerts
QUALIFY
    is_alert
    AND NOT coalesce(
        bool_or(is_alert) OVER (
            PARTITION BY measure, category
            ORDER BY minute
            ROWS BETWEEN $run_rows PRECEDING AND 1 PRECEDING
        ),
        FALSE
    );
