"""Counts that grow, as a rate over the last seconds."""

from __future__ import annotations

from collections import deque

# Over several counts, so that the moment of a single one does not show.
WINDOW_S = 3.0


class GrowthRate:
    """The growth of one count a second.

    >>> rate = GrowthRate()
    >>> [rate.update(at, count) for at, count in ((0.0, 100), (1.0, 200), (2.0, 300))]
    [None, 100.0, 100.0]
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        """Begin without a count."""
        self._window_s = window_s
        self._counts: deque[tuple[float, float]] = deque()

    def update(self, at: float, count: float | None) -> float | None:
        """Add a count at a moment, and return the rate; None until there are two counts.

        A smaller count starts a new series. With None, an unknown count, the rate is unknown.
        """
        if count is None:
            return None
        counts = self._counts
        if counts and (count < counts[-1][1] or at - counts[-1][0] > 2 * self._window_s):
            counts.clear()
        if not counts or at > counts[-1][0]:
            counts.append((at, count))
        while len(counts) > 2 and counts[1][0] <= at - self._window_s:  # noqa: PLR2004 - a rate needs two
            counts.popleft()
        first_at, first = counts[0]
        return (count - first) / (at - first_at) if at > first_at else None
