"""Batches changed rows for the viewers: the first at once, the next after a minimum interval.

Each push costs some processor time for each viewer, and viewers must not slow the pipeline down:
the more there are, the longer the interval.
"""

from __future__ import annotations

import asyncio

from spaf import clock
from spaf.serve.push.hub import Hub
from spaf.serve.sales.rollup import Key, Rollup, SecondRow

# Half a frame of a screen: a shorter interval is not visible.
MIN_INTERVAL_S = 0.008
# A push takes 36 µs for each viewer: with this interval all viewers together take at most 4 % of a
# processor. See docs/decisions/0028-one-encoding-for-all.md.
INTERVAL_PER_VIEWER_S = 0.001


class RowBatcher:
    """Collects rows and publishes them as one `rows` event."""

    def __init__(self, hub: Hub, rollup: Rollup) -> None:
        """Keep the hub, and the rollup whose running sums are sent with the rows."""
        self._hub = hub
        self._rollup = rollup
        self._pending: dict[tuple[int, Key], SecondRow] = {}
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, rows: list[SecondRow]) -> None:
        """Add rows; of each second, category and currency only the newest is sent."""
        for row in rows:
            self._pending[row.second, (row.category, row.currency)] = row

    def flush(self) -> None:
        """Publish the pending rows, now or when the interval since the last push is over."""
        if not self._pending or self._timer is not None:
            return
        interval = max(MIN_INTERVAL_S, self._hub.viewers * INTERVAL_PER_VIEWER_S)
        left = self._last + interval - clock.monotonic()
        if left <= 0:
            self._publish()
        else:
            self._timer = asyncio.get_running_loop().call_later(left, self._publish)

    def _publish(self) -> None:
        self._timer = None
        self._last = clock.monotonic()
        rows = [row.wire() for row in self._pending.values()]
        self._pending.clear()
        self._hub.publish("rows", {"rows": rows, "sums": sums(self._rollup)})


def sums(rollup: Rollup) -> dict[str, tuple[int, int, str]]:
    """Return the running sums of each currency as they are sent."""
    return {currency: total.wire() for currency, total in rollup.running.items()}
