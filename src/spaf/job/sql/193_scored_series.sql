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
            WHEN ABS(residual) >= ${max_deviation} * scale THEN SIGN(residual) * ${max_deviation}
            ELSE residual / scale
        END AS spike_score,
        CASE
            WHEN earlier_rows < ${min_series_rows} OR jump = 0e0 THEN 0e0
            WHEN ABS(jump) >= ${max_deviation} * jump_scale THEN SIGN(jump) * ${max_deviation}
            ELSE jump / jump_scale
        END AS jump_score,
        CASE
            WHEN earlier_rows < ${min_series_rows} + ${shift_rows} OR shift = 0e0 THEN 0e0
            WHEN ABS(shift) * ${shift_weight} >= ${max_deviation} * shift_scale
                THEN SIGN(shift) * ${max_deviation}
            ELSE shift * ${shift_weight} / shift_scale
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
                CAST(earlier_rows AS DOUBLE) AS earlier_rows,
                COALESCE(LAG(cubes, 1) OVER by_time, 0e0) AS earlier_cubes,
                COALESCE(LAG(jump_cubes, 1) OVER by_time, 0e0) AS earlier_jump_cubes,
                COALESCE(LAG(cubes, ${shift_rows}) OVER by_time, 0e0) AS cubes_before_shift,
                GREATEST(
                    CASE
                        WHEN unit > 0e0 THEN unit * SQRT(GREATEST(x - residual, 0e0) / unit + 1e0)
                        ELSE 0e0
                    END,
                    ${min_relative_scale} * ABS(x - residual)
                ) AS min_scale
            FROM (
                SELECT
                    *,
                    SUM(ABS(residual) * residual * residual) OVER so_far AS cubes,
                    SUM(ABS(jump) * jump * jump) OVER so_far AS jump_cubes
                FROM (
                    SELECT
                        *,
                        COALESCE(residual - LAG(residual, 1) OVER by_time, 0e0) AS jump,
                        COALESCE((${last_residuals}) / ${shift_rows}, 0e0) AS shift
                    FROM series_residual
                    WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
                )
                WINDOW so_far AS (
                    PARTITION BY series
                    ORDER BY closed_at
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                )
            )
            WINDOW by_time AS (PARTITION BY series ORDER BY closed_at)
        )
    )
)
