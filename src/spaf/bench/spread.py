"""A figure that was measured several times."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Self

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """Median and range of a figure over its repeats."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of the values."""
        return cls(
            round(statistics.median(values), 2), round(min(values), 2), round(max(values), 2)
        )

    def __str__(self) -> str:
        """Return median and range."""
        return f"{self.median:.1f} ({self.min:.1f} to {self.max:.1f})"
