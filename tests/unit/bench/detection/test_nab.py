"""The scores of alerts on labelled series, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spaf.bench.detection.nab import (
    PROFILES,
    LabelledSeries,
    ScoredSeries,
    ThresholdSweep,
    count_windows,
)

STANDARD, LOW_FALSE, LOW_MISSED = PROFILES
# 100 rows: the first 15 are on probation, the window has 10 rows.
SERIES = LabelledSeries(100, ((50, 59),))


def alerts(*rows: int, series: LabelledSeries = SERIES) -> ScoredSeries:
    """Return a detector with alerts of 1.0 in these rows."""
    scores = np.zeros(series.rows)
    scores[list(rows)] = 1.0
    return series, scores


def sigmoid(position: float) -> float:
    """Return the gain at a position in widths of the window, 0 at its right edge."""
    return 2 / (1 + math.exp(5 * position)) - 1


def points(*rows: int, profile: int = 0) -> float:
    """Return the score of alerts in these rows."""
    return ThresholdSweep([alerts(*rows)], PROFILES[profile]).at(1.0)


def test_nothing_is_0_and_the_first_row_of_the_window_100() -> None:
    """By each profile."""
    for profile in range(3):
        assert points(profile=profile) == 0
        assert points(50, profile=profile) == pytest.approx(100)
    assert points(50, 53, 59) == pytest.approx(100)


def test_a_later_row_of_the_window_gains_less() -> None:
    """By the sigmoid of its position: the last row is a tenth of the window before its edge."""
    # From -1 (missed) to the gain, in a span of 2.
    gain = sigmoid(-0.5) / sigmoid(-1)
    assert points(55) == pytest.approx(100 * (gain + 1) / 2)
    last = sigmoid(-0.1) / sigmoid(-1)
    assert points(59) == pytest.approx(100 * (last + 1) / 2)
    assert points(59, profile=2) == pytest.approx(100 * (last + 2) / 3)


def test_a_false_alert_costs_more_the_further_it_is_behind_a_window() -> None:
    """All of its weight before the first window, and from three widths behind one."""
    assert points(20) == pytest.approx(-100 * 0.11 / 2)
    assert points(20, profile=1) == pytest.approx(-100 * 0.22 / 2)
    assert points(20, 30) == pytest.approx(-100 * 0.22 / 2)
    # Nine steps from the first to the last row of the window.
    assert points(62) == pytest.approx(100 * 0.11 * sigmoid(3 / 9) / 2)
    assert points(95) == pytest.approx(-100 * 0.11 / 2)


def test_the_first_rows_are_not_scored() -> None:
    """15 % of a short series, 750 rows of a long one; a window there does not count."""
    assert points(3, 14) == 0
    assert points(15) < 0
    assert LabelledSeries(20_000, ()).probation == 750
    early = LabelledSeries(100, ((5, 14), (50, 59)))
    assert ThresholdSweep([alerts(50, series=early)], STANDARD).at(1.0) == pytest.approx(100)
    assert count_windows([alerts(50, series=early)], 1.0) == (1, 1, 0)


def test_the_best_threshold_is_that_of_the_whole_corpus() -> None:
    """One threshold for all files; equal scores cannot be separated."""
    first, second = np.zeros(100), np.zeros(100)
    first[50], first[20] = 0.9, 0.5
    second[50], second[20] = 0.4, 0.4
    sweep = ThresholdSweep([(SERIES, first), (SERIES, second)], STANDARD)
    # At 0.4 both windows are found, with two false alerts; at 0.9 one of them, with none.
    assert sweep.best().threshold == 0.4
    assert sweep.best().score == pytest.approx(100 * (4 - 0.22) / 4)
    assert sweep.at(0.9) == sweep.at(0.6) == pytest.approx(50)
    assert sweep.at(0.5) == pytest.approx(100 * (2 - 0.11) / 4)
    assert sweep.at(2.0) == 0


def test_windows_and_runs_are_counted() -> None:
    """Neighbouring alerts outside the windows are one; alerts on probation are none."""
    counted = count_windows([alerts(3, 20, 21, 30, 55, 56), alerts(40)], 1.0)
    assert counted == (2, 1, 3)


def test_a_series_without_windows_counts_alerts_only() -> None:
    """Each costs its whole weight."""
    clean = LabelledSeries(100, ())
    sweep = ThresholdSweep([alerts(50), alerts(50, series=clean)], STANDARD)
    assert sweep.at(1.0) == pytest.approx(100 - 100 * 0.11 / 2)
