"""Search for the highest rate that holds, when each trial costs half a minute."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from spaf.generate.rate import MAX_RATE, MIN_RATE


class Bracket(NamedTuple):
    """The highest rate that was seen to hold, and the lowest above it that was seen not to.

    None where none was tried: below MIN_RATE nothing holds, above MAX_RATE nothing is tried.
    """

    holds: float | None
    fails: float | None


def highest(holds: Callable[[float], bool], start: float, precision: float) -> Bracket:
    """Return the bracket around the highest rate that holds, narrower than the precision.

    From `start` the rate is doubled until it fails, or halved until it holds, then the bracket is
    halved at its geometric mean. A rate that holds above one that fails, by chance, is not looked
    for.

    Args:
        holds: tries a rate.
        start: the first rate that is tried, sales/s.
        precision: the search ends when the failing rate is at most this share above the other.

    """
    low: float | None = None
    high: float | None = None
    rate = start
    while low is None or high is None:
        if holds(rate):
            low = rate
            if rate >= MAX_RATE:
                return Bracket(low, None)
            rate = min(2 * rate, MAX_RATE)
        else:
            high = rate
            if rate <= MIN_RATE:
                return Bracket(None, high)
            rate = max(rate / 2, MIN_RATE)
        if low is not None and high is not None:
            break
    while high > low * (1 + precision):
        middle = sqrt(low * high)
        if holds(middle):
            low = middle
        else:
            high = middle
    return Bracket(low, high)
