"""The lag of a run, sale by sale, and whether it grows."""

from __future__ import annotations

from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from spaf.measure.latency import Stamps

# Time between two values of the lag. A shorter one gives more values, not more knowledge: lags that
# are close in time hang together.
STEP_S = 0.5
MICROS = 1_000_000
# The sales of this time are those due first.
FIRST_US = 10_000
# Fewer values than this make no line.
MIN_VALUES = 8
# Two-sided 95 % of Student's distribution with eight degrees of freedom; more degrees have a little
# less, which makes the interval a little too wide.
STUDENT_95 = 2.31
# A lag that grows by less than this share of the rate is not distinguished from one that stands
# still: the latency gains less than 5 ms each second.
MAX_GROWTH_SHARE = 0.005


class LagSlope(msgspec.Struct, frozen=True):
    """How fast the number of sales that are due but not visible grows, sales/s."""

    slope: float
    half_width: float
    """Half the interval that holds the slope with 95 %."""

    @classmethod
    def of(cls, sales: Stamps) -> Self | None:
        """Return the line of least squares through the lag; None for too short a time.

        The lag is counted from the sales themselves: those that were due by a moment, less those
        that were visible by then. It is counted from when those due first are visible: before that
        the sales of the warm-up, which are not among these, are a part of it. It is counted while
        sales came due: afterwards it falls.
        """
        if not sales.intended.size:
            return None
        due, visible = np.sort(sales.intended), np.sort(sales.visible)
        first = sales.intended < due[0] + FIRST_US
        at_us = np.arange(sales.visible[first].max(), due[-1], STEP_S * MICROS)
        if at_us.size < MIN_VALUES:
            return None
        lag = np.searchsorted(due, at_us, "right") - np.searchsorted(visible, at_us, "right")
        x = (at_us - at_us.mean()) / MICROS
        slope = float(x @ lag / (x @ x))
        error = _error(x, lag - lag.mean() - slope * x)
        return cls(round(slope, 3), round(STUDENT_95 * error, 3))

    def growth(self, rate: float) -> str:
        """Say by how much the lag grows at a rate, sales/s; nothing if it stands still.

        It grows if its slope is above zero by more than its error, and by MAX_GROWTH_SHARE.
        """
        if self.slope <= max(self.half_width, MAX_GROWTH_SHARE * rate):
            return ""
        return f"the lag grows by {self.slope:,.1f} sales/s"


def _error(x: npt.NDArray[np.float64], residuals: npt.NDArray[np.float64]) -> float:
    """Return the standard error of a slope whose residuals hang together.

    Lags that are close in time are alike, because a checkpoint or a collection holds up all the
    sales of its time; independent residuals would make the error too small. Source: Newey and West,
    "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
    matrix", Econometrica 55 (1987), with Bartlett's weights and their rule for the number of steps.
    """
    count = x.size
    scores = x * residuals
    steps = int(4 * (count / 100) ** (2 / 9))
    covariances = (
        (1 - step / (steps + 1)) * float(scores[step:] @ scores[:-step])
        for step in range(1, steps + 1)
    )
    variance = float(scores @ scores) + 2 * sum(covariances)
    return float(np.sqrt(variance * count / (count - 2))) / float(x @ x)
