"""How a figure grows with a factor: the exponent of a power law, with its spread over repeats."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Self

import msgspec
import numpy as np


class Slope(msgspec.Struct, frozen=True):
    """The exponent of figure ~ level^exponent: 0 is flat, 1 is linear; the median of repeats."""

    exponent: float
    min: float
    max: float

    @classmethod
    def of(cls, levels: Sequence[float], repeats: Sequence[Sequence[float | None]]) -> Self | None:
        """Return the slope of figures at some levels, in each repeat a figure a level.

        None without two levels that have a figure: a figure of zero has no logarithm.
        """
        exponents = [
            exponent for figures in repeats if (exponent := _exponent(levels, figures)) is not None
        ]
        if not exponents:
            return None
        middle = statistics.median(exponents)
        return cls(round(middle, 3), round(min(exponents), 3), round(max(exponents), 3))

    def __str__(self) -> str:
        """Return the exponent with its range."""
        if self.min == self.max:
            return f"{self.exponent:+.2f}"
        return f"{self.exponent:+.2f} ({self.min:+.2f} to {self.max:+.2f})"


def _exponent(levels: Sequence[float], figures: Sequence[float | None]) -> float | None:
    """Return the slope of the line of least squares through the logarithms."""
    known = [(level, figure) for level, figure in zip(levels, figures, strict=True) if figure]
    if len({level for level, _ in known}) < 2:  # noqa: PLR2004 - a line
        return None
    x, y = np.log(np.array(known, dtype=np.float64)).T
    return float(np.polyfit(x, y, 1)[0])
