"""Exact quantiles of raw values."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]


class Quantiles(msgspec.Struct, frozen=True):
    """A distribution of durations in milliseconds; every value counted, none sampled."""

    count: int
    negative: int
    p50: float
    p90: float
    p99: float
    max: float
    mean: float


def quantiles(durations_us: Micros) -> Quantiles | None:
    """Return the exact quantiles of durations in microseconds, or None if there are none.

    The p-quantile is the smallest value that at least a share p of all values do not exceed
    (inverse of the empirical distribution), so it is always a value that was measured.
    """
    if durations_us.size == 0:
        return None
    values = np.quantile(durations_us, [0.5, 0.9, 0.99, 1.0], method="inverted_cdf") / 1000
    p50, p90, p99, largest = (round(float(value), 3) for value in values)
    mean = round(float(durations_us.mean()) / 1000, 3)
    negative = int(np.count_nonzero(durations_us < 0))
    return Quantiles(int(durations_us.size), negative, p50, p90, p99, largest, mean)
