"""The latency of the newest sales while the run goes on."""

from __future__ import annotations

import contextlib
from collections import defaultdict, deque
from pathlib import Path

from spaf import clock
from spaf.errors import TopicError
from spaf.measure.latency import Showings, parse_showings, stamps
from spaf.measure.quantiles import Quantiles
from spaf.sale import Record, Rules
from spaf.topic import admin
from spaf.topic.range_reader import read

# The figures are those of the sales of the last seconds; whole seconds, because only a complete row
# gives the ranks of its sales.
WINDOW_S = 5
# Reading more records would disturb the measurement; the end of the run measures every sale.
MAX_RECORDS = 4_000
POLL_INTERVAL_S = 2.0


class LiveLatency:
    """Follows the topic and the file of a watch; at rates above MAX_RECORDS it has no figures."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules, watched: Path) -> None:
        """Start at the end of the topic."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._rules = rules
        self._file = watched.open()
        self._position = admin.end_offsets(bootstrap, topic)
        self._records: deque[Record] = deque()
        self._shown: Showings = defaultdict(list)
        self._next_update = 0.0
        self._latency: Quantiles | None = None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def recent(self) -> Quantiles | None:
        """Return intended → visible of the last seconds, or None while it is unknown."""
        if clock.monotonic() > self._next_update:
            self._next_update = clock.monotonic() + POLL_INTERVAL_S
            self._latency = None
            with contextlib.suppress(TopicError):  # the broker restarts
                self._latency = self._update()
        return self._latency

    def _update(self) -> Quantiles | None:
        end = admin.end_offsets(self._bootstrap, self._topic)
        unread = sum(end[partition] - self._position.get(partition, 0) for partition in end)
        start, self._position = self._position, end
        parse_showings(self._file, self._shown)
        if unread > MAX_RECORDS:
            self._records.clear()
            self._shown.clear()
            return None
        self._records.extend(read(self._bootstrap, self._topic, start, end))
        return self._measure()

    def _measure(self) -> Quantiles | None:
        now_s = clock.now_ms() // 1000
        while self._records and self._records[0].append_ms // 1000 < now_s - WINDOW_S - 1:
            self._records.popleft()
        for key in [key for key in self._shown if key[0] < now_s - WINDOW_S - 1]:
            del self._shown[key]
        # Rows of the present second may not be visible yet.
        complete = [r for r in self._records if r.append_ms // 1000 < now_s]
        measured = stamps(complete, self._rules, self._shown)
        return measured.after((now_s - WINDOW_S) * 1_000_000).latency()
