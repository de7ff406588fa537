"""Counts that grow, as a rate of the last seconds."""

from __future__ import annotations

from collections import deque

# One look more or less must not show: a rate is that of some looks together. Seconds.
WINDOW_S = 3.0


class GrowthRate:
    """The growth of one count a second.

    >>> rate = GrowthRate()
    >>> [rate.see(at, count) for at, count in ((0.0, 100), (1.0, 200), (2.0, 300))]
    [None, 100.0, 100.0]
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        """Begin without a look."""
        self._window_s = window_s
        self._looks: deque[tuple[float, float]] = deque()

    def see(self, at: float, count: float | None) -> float | None:
        """Note the count at a moment, and return its rate; None until there are two.

        A count that has become smaller has begun anew. None is a look that has failed: the rate is
        not known then.
        """
        if count is None:
            return None
        looks = self._looks
        if looks and (count < looks[-1][1] or at - looks[-1][0] > 2 * self._window_s):
            looks.clear()
        if not looks or at > looks[-1][0]:
            looks.append((at, count))
        while len(looks) > 2 and looks[1][0] <= at - self._window_s:  # noqa: PLR2004 - two make one
            looks.popleft()
        began, before = looks[0]
        return (count - before) / (at - began) if at > began else None
