"""Durations of every sale, kept exactly in little room: how often each microsecond occurred."""

from __future__ import annotations

from collections import defaultdict


class Delays:
    """Counts of whole microseconds; a long run costs no more than a short one.

    >>> delays = Delays()
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
        wanted = share * sum(self._counts.values())
        seen = 0
        for value in sorted(self._counts):
            seen += self._counts[value]
            if seen >= wanted:
                return value
        return None
