-- How far each row of a series is from what its past predicts. Grain: series, row.
-- Three deviations are compared with their own past: of the row (a spike), of its change from the
-- row before (a jump), and of the mean of the last twelve rows (a shift). The scale of a deviation is
-- the cubic mean of its earlier values: the mean of squares would take heavy tails for anomalies.
-- It is at least that of a Poisson number of units; a series without events has the unit 0.
-- deviation has the sign of the largest of the three.
CREATE TEMPORARY VIEW scored_series AS
SELECT
    series,
    closed_at,
    x,
    x - residual AS expected,
    scale,
    CASE
        WHEN ABS(jump_score) > ABS(spike_score) AND ABS(jump_score) >= ABS(shift_score) THEN jump_score
        WHEN ABS(shift_score) > ABS(spike_score) THEN shift_score
        ELSE spike_score
    END AS deviation
FROM (
    SELECT
        series,
        closed_at,
        x,
        residual,
        scale,
        CASE
            WHEN earlier_rows < ${min_series_rows} OR residual = 0e0 THEN 0e0
            ELSE GREATEST(LEAST(residual / scale, ${max_deviation}), -${max_deviation})
        END AS spike_score,
        CASE
            WHEN earlier_rows < ${min_series_rows} OR jump = 0e0 THEN 0e0
            ELSE GREATEST(LEAST(jump / jump_scale, ${max_deviation}), -${max_deviation})
        END AS jump_score,
        CASE
            WHEN earlier_rows < ${min_series_rows} + ${shift_rows} OR shift = 0e0 THEN 0e0
            ELSE
                GREATEST(LEAST(shift * ${shift_weight} / shift_scale, ${max_deviation}), -${max_deviation})
        END AS shift_score
    FROM (
        SELECT
            *,
            GREATEST(POWER(earlier_cubes / GREATEST(earlier_rows, 1), ${third}), min_scale) AS scale,
            GREATEST(POWER(earlier_jump_cubes / GREATEST(earlier_rows, 1), ${third}), min_scale)
                AS jump_scale,
            GREATEST(
                POWER(
                    cubes_before_shift / GREATEST(earlier_rows - ${shift_rows} + 1, 1), ${third}
                ),
                min_scale
            ) AS shift_scale
        FROM (
            SELECT
                series,
                closed_at,
                x,
                residual,
                jump,
                shift,
                min_scale,
                CAST(earlier_rows AS DOUBLE) AS earlier_rows,
                SUM(previous_cube) OVER by_time AS earlier_cubes,
                SUM(ABS(previous_jump) * previous_jump * previous_jump) OVER by_time
                    AS earlier_jump_cubes,
                SUM(cube_before_shift) OVER by_time AS cubes_before_shift
            FROM (
                SELECT
                    series,
                    closed_at,
                    x,
                    earlier_rows,
                    residual,
                    COALESCE(residual - residual_1, 0e0) AS jump,
                    COALESCE((${last_residuals}) / ${shift_rows}, 0e0) AS shift,
                    COALESCE(ABS(residual_1) * residual_1 * residual_1, 0e0) AS previous_cube,
                    COALESCE(residual_1 - residual_2, 0e0) AS previous_jump,
                    COALESCE(ABS(residual_12) * residual_12 * residual_12, 0e0) AS cube_before_shift,
                    GREATEST(
                        CASE
                            WHEN unit > 0e0
                                THEN unit * SQRT(GREATEST(x - residual, 0e0) / unit + 1e0)
                            ELSE 0e0
                        END,
                        ${min_relative_scale} * ABS(x - residual)
                    ) AS min_scale
                FROM (
                    SELECT
                        *,
                        ${earlier_residuals}
                    FROM series_residual
                    WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
                )
            )
            WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
        )
    )
)
