"""Scores of alerts on labelled series, as Lavin and Ahmad (2015) define them.

A label is a window of rows. The first alert in a window counts, and more the earlier it is: by a
sigmoid of its relative position. Each alert outside a window costs, up to the full weight far
behind a window. A profile weighs them against each other. A score of 0 is that of a detector
without alerts, and 100 that of one alert in the first row of each window and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBATION, MAX_PROBATION_ROWS = 0.15, 750
"""Part of a series that is not scored, because a detector may learn there; and its limit."""
STEEPNESS = 5.0
"""Of the sigmoid, in widths of a window."""
MAX_POSITION = 3.0
"""Widths behind a window from which on an alert costs the full weight."""
PERCENT = 100.0


class Profile(NamedTuple):
    """What a window that is found gains, and what a missed one and a false alert cost."""

    name: str
    found: float
    missed: float
    false_alert: float


PROFILES = (
    Profile("standard", 1.0, 1.0, 0.11),
    Profile("reward_low_FP_rate", 1.0, 1.0, 0.22),
    Profile("reward_low_FN_rate", 1.0, 2.0, 0.11),
)


class LabelledSeries(msgspec.Struct, frozen=True):
    """The labels of a series: its windows by their first and last row, in order."""

    rows: int
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """Number of first rows that are not scored."""
        return min(int(PROBATION * self.rows), MAX_PROBATION_ROWS)

    def scored_windows(self) -> list[tuple[int, int]]:
        """Return the windows, without rows on probation."""
        first = self.probation
        return [(max(start, first), end) for start, end in self.windows if end >= first]

    def outside(self) -> NDArray[np.bool_]:
        """Return by row whether an alert there is false."""
        outside = np.ones(self.rows, dtype=np.bool_)
        outside[: self.probation] = False
        for start, end in self.windows:
            outside[start : end + 1] = False
        return outside

    def gains(self) -> NDArray[np.float64]:
        """Return by row what an alert there gains, from -1 to 1, before any weight."""
        gains = np.full(self.rows, -1.0)
        rows = np.arange(self.rows)
        next_starts = [*(start for start, _ in self.windows[1:]), self.rows]
        # Without windows there is one start too many.
        for (start, end), next_start in zip(self.windows, next_starts, strict=False):
            width = end - start + 1
            inside = (rows[start : end + 1] - end - 1) / width
            gains[start : end + 1] = sigmoid(inside) / sigmoid(np.array(-1.0))
            behind = (rows[end + 1 : next_start] - end) / max(width - 1, 1)
            gains[end + 1 : next_start] = np.where(
                behind > MAX_POSITION, -1.0, sigmoid(np.minimum(behind, MAX_POSITION))
            )
        return gains


ScoredSeries = tuple[LabelledSeries, "NDArray[np.float64]"]
"""Labels, and the anomaly score of each row."""


def sigmoid(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 far before the right edge of a window, 0 at it and -1 far behind it."""
    return 2.0 / (1.0 + np.exp(STEEPNESS * position)) - 1.0


class ProfileScore(msgspec.Struct, frozen=True):
    """The score of a corpus by one profile."""

    score: float
    threshold: float
    """An alert is a row whose anomaly score is at least this."""


class ThresholdSweep:
    """The points of a corpus by the threshold of the anomaly score."""

    def __init__(self, corpus: Sequence[ScoredSeries], profile: Profile) -> None:
        """Add up what each row changes when the threshold falls to its score."""
        scores, changes, windows = [], [], 0
        for series, anomaly_scores in corpus:
            gains, outside = series.gains(), series.outside()
            scores.append(anomaly_scores[outside])
            changes.append(gains[outside] * profile.false_alert)
            for start, end in series.scored_windows():
                windows += 1
                inside = anomaly_scores[start : end + 1]
                order = np.argsort(-inside, kind="stable")
                best = np.maximum.accumulate(gains[start : end + 1][order] * profile.found)
                scores.append(inside[order])
                changes.append(np.diff(best, prepend=-profile.missed))
        every_score, every_change = np.concatenate(scores), np.concatenate(changes)
        order = np.argsort(-every_score, kind="stable")
        falling = every_score[order]
        last_of_equals = np.append(falling[1:] != falling[:-1], [True] if len(falling) else [])
        base = -profile.missed * windows
        points = base + np.cumsum(every_change[order])
        self._thresholds = np.append(np.inf, falling[last_of_equals])
        # From the points of no alert to those of the perfect detector.
        span = windows * (profile.found + profile.missed)
        self._scores = PERCENT * (np.append(base, points[last_of_equals]) - base) / max(span, 1e-9)

    def best(self) -> ProfileScore:
        """Return the largest score, at the largest of its thresholds."""
        index = int(self._scores.argmax())
        return ProfileScore(float(self._scores[index]), float(self._thresholds[index]))

    def at(self, threshold: float) -> float:
        """Return the score at a threshold."""
        index = int(np.searchsorted(-self._thresholds, -threshold, side="right")) - 1
        return float(self._scores[index])


class WindowCounts(NamedTuple):
    """Alerts by window: what precision and recall follow from."""

    windows: int
    found: int
    """Windows with an alert."""
    false_runs: int
    """Runs of alerts outside the windows."""


def count_windows(corpus: Sequence[ScoredSeries], threshold: float) -> WindowCounts:
    """Count the windows with an alert, and the runs of alerts outside them."""
    windows = hits = false_runs = 0
    for series, anomaly_scores in corpus:
        alert = anomaly_scores >= threshold
        for start, end in series.scored_windows():
            windows += 1
            hits += bool(alert[start : end + 1].any())
        false = alert & series.outside()
        false_runs += int(np.count_nonzero(false & ~np.append(False, false[:-1])))
    return WindowCounts(windows, hits, false_runs)
