"""Durations of every sale, kept exactly in little room: how often each microsecond occurred."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Counts = dict[int, int]


class Histogram:
    """Counts of whole microseconds; a long run costs no more than a short one.

    >>> delays = Histogram()
    >>> for value in (700, 300, 500):
    ...     delays.add(value)
    >>> delays.quantile(0.5), delays.quantile(1.0)
    (500, 700)
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: defaultdict[int, int] = defaultdict(int)

    def add(self, microseconds: int) -> None:
        """Count one."""
        self._counts[microseconds] += 1

    def quantile(self, share: float) -> int | None:
        """Return the smallest value that at least this share does not exceed; None without any."""
        return _quantile(self._counts, share)

    def counts(self) -> Counts:
        """Return how often each value occurred so far."""
        return dict(self._counts)

    def quantiles_since(self, earlier: Counts, shares: Sequence[float]) -> list[int] | None:
        """Return the same quantiles of the values that came after `earlier`; None without any."""
        new = {
            value: count - earlier.get(value, 0)
            for value, count in self._counts.items()
            if count > earlier.get(value, 0)
        }
        found = [_quantile(new, share) for share in shares]
        return [one for one in found if one is not None] or None


def _quantile(counts: Mapping[int, int], share: float) -> int | None:
    wanted = share * sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    return None
