"""How a figure grows with a factor: the exponent of a power law, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import msgspec
import numpy as np

Growing = Literal["flat", "grows", "falls", "unclear"]

# A figure is flat if its exponent is surely nearer to zero than this: a quarter more for ten times
# the factor.
FLAT_EXPONENT = 0.1
# Quantiles of Student's distribution for an interval of 95 %, from one degree of freedom; more
# degrees than these are counted as the last.
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


class Slope(msgspec.Struct, frozen=True):
    """The exponent of figure ~ level^exponent: 0 is flat, 1 is linear."""

    exponent: float
    half_width: float | None
    """Half the interval that holds the exponent with 95 %; None if each level has one visit."""
    growing: Growing

    @classmethod
    def of(cls, levels: Sequence[float], figures: Sequence[Sequence[float]]) -> Self | None:
        """Return the line of least squares through the logarithms.

        Args:
            levels: of the factor.
            figures: of each level, one a visit; visits are independent, repeats of a visit are not.

        Returns:
            None without two levels that have a figure; a figure of zero has no logarithm.

        """
        known = [
            (level, one) for level, visits in zip(levels, figures, strict=True) for one in visits
        ]
        known = [point for point in known if point[1] > 0]
        if len({level for level, _ in known}) < 2:  # noqa: PLR2004 - a line
            return None
        x, y = np.log(np.array(known, dtype=np.float64)).T
        x = x - x.mean()
        exponent = float(x @ y / (x @ x))
        residuals = y - y.mean() - exponent * x
        # More points than levels: otherwise the residuals tell nothing of repeated visits.
        freedom = len(known) - 2 if len(known) > len({level for level, _ in known}) else 0
        half_width = None
        if freedom:
            error = float(np.sqrt(residuals @ residuals / freedom / (x @ x)))
            half_width = error * STUDENT_95[min(freedom, len(STUDENT_95)) - 1]
        return cls(
            round(exponent, 3),
            None if half_width is None else round(half_width, 3),
            _growing(exponent, half_width),
        )

    def __str__(self) -> str:
        """Return the exponent with half its interval."""
        # A small negative number must not be shown as minus zero.
        exponent = round(self.exponent, 2) + 0.0
        width = "" if self.half_width is None else f" ±{self.half_width:.2f}"
        return f"{exponent:+.2f}{width}"


def _growing(exponent: float, half_width: float | None) -> Growing:
    """Return what the interval of an exponent says; without an interval, nothing is sure."""
    if half_width is None:
        return "unclear"
    low, high = exponent - half_width, exponent + half_width
    if low > -FLAT_EXPONENT and high < FLAT_EXPONENT:
        return "flat"
    if low > 0:
        return "grows"
    return "falls" if high < 0 else "unclear"
