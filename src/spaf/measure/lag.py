"""The lag of a run, sale by sale, and whether it grows."""

from __future__ import annotations

from typing import Self

import msgspec
import numpy as np

from spaf.measure.latency import Stamps

# Time between two values of the lag. A shorter one gives more values, not more knowledge: lags that
# are close in time hang together.
STEP_S = 0.5
MICROS = 1_000_000
# Fewer values than this make no line.
MIN_VALUES = 8
# Two-sided 95 % of Student's distribution with eight degrees of freedom; more degrees have a little
# less, which makes the interval a little too wide.
STUDENT_95 = 2.31


class LagSlope(msgspec.Struct, frozen=True):
    """How fast the number of sales that are due but not visible grows, sales/s."""

    slope: float
    half_width: float
    """Half the interval that holds the slope with 95 %."""

    @classmethod
    def of(cls, sales: Stamps) -> Self | None:
        """Return the line of least squares through the lag; None for too short a time.

        The lag is counted from the sales themselves: those that were due by a moment, less those
        that were visible by then. Sales are counted while they came due: afterwards the lag falls.
        """
        if not sales.intended.size:
            return None
        due, visible = np.sort(sales.intended), np.sort(sales.visible)
        at_us = np.arange(due[0], due[-1], STEP_S * MICROS)
        if at_us.size < MIN_VALUES:
            return None
        lag = np.searchsorted(due, at_us, "right") - np.searchsorted(visible, at_us, "right")
        x = (at_us - at_us.mean()) / MICROS
        slope = float(x @ lag / (x @ x))
        residuals = lag - lag.mean() - slope * x
        error = float(np.sqrt(residuals @ residuals / (at_us.size - 2) / (x @ x)))
        return cls(round(slope, 3), round(STUDENT_95 * error, 3))

    @property
    def grows(self) -> bool:
        """Whether the slope is above zero by more than its error."""
        return self.slope > self.half_width
