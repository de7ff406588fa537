"""Changed rows on their way to the viewers: at once after a pause, together when there are many.

Each push costs us a little for each viewer, and their number must not slow the pipeline down: the
more there are, the longer a push waits for the next rows.
"""

from __future__ import annotations

import asyncio

from spaf import clock
from spaf.serve.push.hub import Hub
from spaf.serve.sales.rollup import Key, Rollup, SecondRow

# Half a frame of a screen: a shorter pause between two pushes is seen by nobody, seconds.
LEAST_PAUSE_S = 0.008
# A push takes 36 us for each viewer: with this pause all of them take 4 % of a processor at most,
# seconds. See docs/decisions/0028-one-encoding-for-all.md.
PAUSE_OF_VIEWER_S = 0.001


class RowBatcher:
    """Gathers rows and publishes them."""

    def __init__(self, hub: Hub, rollup: Rollup) -> None:
        """Keep where the rows go, and whose running sums go with them."""
        self._hub = hub
        self._rollup = rollup
        self._waiting: dict[tuple[int, Key], SecondRow] = {}
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, rows: list[SecondRow]) -> None:
        """Take rows in; the newest of each second, category and currency counts."""
        for row in rows:
            self._waiting[row.second, (row.category, row.currency)] = row

    def flush(self) -> None:
        """Publish what waits, now or as soon as the pause since the last time is over."""
        if not self._waiting or self._timer is not None:
            return
        pause = max(LEAST_PAUSE_S, self._hub.viewers * PAUSE_OF_VIEWER_S)
        left = self._last + pause - clock.monotonic()
        if left <= 0:
            self._publish()
        else:
            self._timer = asyncio.get_running_loop().call_later(left, self._publish)

    def _publish(self) -> None:
        self._timer = None
        self._last = clock.monotonic()
        rows = [row.sent() for row in self._waiting.values()]
        self._waiting.clear()
        self._hub.publish("rows", {"rows": rows, "sums": sums(self._rollup)})


def sums(rollup: Rollup) -> dict[str, tuple[int, int, str]]:
    """Return the running sums of each currency as they are sent."""
    return {currency: found.sent() for currency, found in rollup.running.items()}
