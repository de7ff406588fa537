"""The rule for series, row by row: what the past predicts, and how far a row is from it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

from spaf.verify.detection import (
    HOURS,
    MAX_DEVIATION,
    MIN_RELATIVE_SCALE,
    MIN_SEASONAL_ROWS,
    PAUSE_ROWS,
    SEASONAL_GAIN,
    SERIES_RUN_ROWS,
    SHIFT_ROWS,
    SHIFT_WEIGHT,
    near,
)


class SeriesInput(NamedTuple):
    """A row of a series."""

    value: float
    events: float
    """Number of events that the value counts or adds up; 0 where there are none."""
    hour_index: int
    """Hours since 1970."""
    hour_slot: int
    """Hour of the day, plus 24 on a weekend."""


class SeriesVerdict(NamedTuple):
    """What the rule says about a row."""

    expected: float
    deviation: float
    flagged: bool
    borderline: bool
    """Whether rounding may decide."""


@dataclass
class Mean:
    """Sum and number of some rows."""

    total: float = 0.0
    rows: int = 0

    def add(self, total: float, rows: int = 1) -> None:
        """Add rows."""
        self.total += total
        self.rows += rows

    def plus(self, other: Mean) -> Mean:
        """Return the mean of both."""
        return Mean(self.total + other.total, self.rows + other.rows)

    def value(self) -> float | None:
        """Return the mean; None without rows."""
        return self.total / self.rows if self.rows else None


@dataclass
class SquaredErrors:
    """Sums of squared errors of several predictions over the same rows."""

    rows: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def add(self, *errors: float) -> None:
        """Add the errors of a row, simplest prediction first."""
        self.rows += 1
        for index, error in enumerate(errors):
            self.sums[index] += error * error

    def last_is_better(self, predictions: int) -> tuple[bool, bool]:
        """Return whether the last of the predictions is clearly the best, and whether just so."""
        if self.rows < MIN_SEASONAL_ROWS:
            return False, False
        *simpler, last = self.sums[:predictions]
        limit = SEASONAL_GAIN * min(simpler)
        return last < limit, near(last, limit) and last > 0


class SeriesRule:
    """The state of one series."""

    def __init__(self, threshold: float, min_rows: int) -> None:
        """Start without history."""
        self._threshold = threshold
        self._min_rows = min_rows
        self._rows = 0
        self._all = Mean()
        self._events = 0.0
        self._slots = [Mean() for _ in range(2 * HOURS)]
        self._hour = Mean()
        self._hour_index = self._hour_slot = -1
        self._hour_errors = SquaredErrors()
        self._slot_errors = SquaredErrors()
        self._residuals: deque[float] = deque(maxlen=SHIFT_ROWS)
        self._cubes = self._jump_cubes = 0.0
        # Sums of cubes before each of the last rows, oldest first.
        self._cubes_before: deque[float] = deque(maxlen=SHIFT_ROWS)
        self._deviations: deque[float] = deque(maxlen=PAUSE_ROWS)
        self._alerts: deque[bool] = deque(maxlen=SERIES_RUN_ROWS)
        self._doubts: deque[bool] = deque(maxlen=SERIES_RUN_ROWS)

    def add(self, row: SeriesInput) -> SeriesVerdict:
        """Add a row, and return what its past says about it."""
        residual, borderline = self._residual(row)
        expected = row.value - residual
        jump = residual - self._residuals[-1] if self._residuals else 0.0
        self._cubes_before.append(self._cubes)
        self._residuals.append(residual)
        self._events += row.events
        # The value is part of the mean of all by now.
        unit = self._all.total / self._events if self._events > 0 else 0.0
        deviation = self._deviation(unit, expected, residual, jump)
        self._rows += 1
        self._cubes += abs(residual) ** 3
        self._jump_cubes += abs(jump) ** 3
        largest = max(self._deviations, default=0.0)
        size = abs(deviation)
        borderline = borderline or near(size, self._threshold)
        doubtful = borderline or (size > 0 and near(size, largest) and size > self._threshold / 2)
        alert = size > largest and size > self._threshold
        flagged = alert and not any(self._alerts)
        # A doubtful row may be an alert of the other program, and then hides those that follow.
        doubt = doubtful or any(self._doubts)
        self._deviations.append(size)
        self._alerts.append(alert)
        self._doubts.append(doubtful)
        return SeriesVerdict(expected, deviation, flagged, doubt)

    def _residual(self, row: SeriesInput) -> tuple[float, bool]:
        """Return the value less its prediction, and whether the choice of it is borderline."""
        if row.hour_index != self._hour_index:
            # The rows of an hour predict only later hours.
            self._slots[self._hour_slot].add(self._hour.total, self._hour.rows)
            self._hour = Mean()
            self._hour_index, self._hour_slot = row.hour_index, row.hour_slot
        own = self._slots[row.hour_slot]
        other = self._slots[(row.hour_slot + HOURS) % (2 * HOURS)]
        of_all, of_hour, of_slot = self._all.value(), own.plus(other).value(), own.value()
        error = 0.0 if of_all is None else row.value - of_all
        residual, borderline = error, False
        if of_hour is not None:
            hour_error = row.value - of_hour
            better, borderline = self._hour_errors.last_is_better(2)
            residual = hour_error if better else error
            if of_slot is not None:
                slot_error = row.value - of_slot
                better, close = self._slot_errors.last_is_better(3)
                residual = slot_error if better else residual
                borderline = borderline or close
                self._slot_errors.add(error, hour_error, slot_error)
            self._hour_errors.add(error, hour_error)
        self._all.add(row.value)
        self._hour.add(row.value)
        return residual, borderline

    def _deviation(self, unit: float, expected: float, residual: float, jump: float) -> float:
        """Return the largest of the deviations of the row, of its change and of the last rows."""
        if self._rows < self._min_rows:
            return 0.0
        smallest = MIN_RELATIVE_SCALE * abs(expected)
        if unit > 0:
            smallest = max(smallest, unit * sqrt(max(expected, 0.0) / unit + 1.0))
        spike = _scaled(residual, _scale(self._cubes, self._rows, smallest))
        jumped = _scaled(jump, _scale(self._jump_cubes, self._rows, smallest))
        shifted = 0.0
        if self._rows >= self._min_rows + SHIFT_ROWS:
            shift = sum(reversed(self._residuals)) / SHIFT_ROWS
            scale = _scale(self._cubes_before[0], self._rows - SHIFT_ROWS + 1, smallest)
            shifted = _scaled(shift * SHIFT_WEIGHT, scale)
        return max(spike, shifted, jumped, key=abs)


def _scale(cubes: float, rows: int, smallest: float) -> float:
    return max(float((cubes / rows) ** (1 / 3)), smallest)


def _scaled(deviation: float, scale: float) -> float:
    """Return a deviation in units of its scale, limited."""
    if deviation == 0:
        return 0.0
    limit = MAX_DEVIATION if deviation > 0 else -MAX_DEVIATION
    return limit if abs(deviation) >= MAX_DEVIATION * scale else deviation / scale
