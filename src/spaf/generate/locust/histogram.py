"""An exact histogram of durations: the number of occurrences of each microsecond."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Counts = dict[int, int]


class Histogram:
    """Counts of whole microseconds; memory grows with distinct values, not with their number.

    >>> delays = Histogram()
    >>> for value in (700, 300, 500):
    ...     delays.add(value)
    >>> delays.quantile(0.5), delays.quantile(1.0)
    (500, 700)
    """

    def __init__(self) -> None:
        """Start without values."""
        self._counts: defaultdict[int, int] = defaultdict(int)

    def add(self, microseconds: int) -> None:
        """Count a value."""
        self._counts[microseconds] += 1

    def quantile(self, share: float) -> int | None:
        """Return the smallest value that this share does not exceed; None without values."""
        return _quantile(self._counts, share)

    def counts(self) -> Counts:
        """Return how often each value occurred so far."""
        return dict(self._counts)

    def quantiles_since(self, earlier: Counts, shares: Sequence[float]) -> list[int] | None:
        """Return quantiles of the values added since `earlier`; None without such values."""
        new = {
            value: count - earlier.get(value, 0)
            for value, count in self._counts.items()
            if count > earlier.get(value, 0)
        }
        quantiles = [_quantile(new, share) for share in shares]
        return [value for value in quantiles if value is not None] or None


def _quantile(counts: Mapping[int, int], share: float) -> int | None:
    rank = share * sum(counts.values())
    cumulated = 0
    for value in sorted(counts):
        cumulated += counts[value]
        if cumulated >= rank:
            return value
    return None
