"""The live view in the terminal: present sales, anomalies and latency."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psycopg
from rich.live import Live

from spaf import clock
from spaf.cli.terminal.dashboard import (
    MAX_ANOMALIES,
    MAX_NEWEST,
    WINDOW_S,
    RunSnapshot,
    headline,
    render,
)
from spaf.cli.terminal.output import err
from spaf.errors import StoreError
from spaf.measure.live_latency import LiveLatency
from spaf.stack.run import Run
from spaf.stack.service_names import JOBMANAGER, LOCUST, SERVE
from spaf.store import queries
from spaf.store.access import Role

# Name of a page → the service that has it.
PAGES = {"Page": SERVE, "Locust": LOCUST, "Flink": JOBMANAGER}
# Interval between two lines where standard error is not a terminal, seconds.
LINE_INTERVAL_S = 5.0


class LiveView:
    """Shows a dashboard on a terminal; elsewhere prints a line every LINE_INTERVAL_S."""

    def __init__(self, run: Run, watched: Path, wanted: float, *, quiet: bool) -> None:
        """Connect to the run; nothing is shown yet."""
        self._run = run
        self._wanted = wanted
        self._connection = run.access.connect(Role.READ, autocommit=True)
        self._latency = LiveLatency(run.kafka, run.topic, run.rules, watched)
        self._live = Live(console=err, auto_refresh=False, screen=False, transient=True)
        self._moving = err.is_terminal and not quiet
        self._counts: deque[tuple[float, int]] = deque()
        self._next_line = 0.0
        self._quiet = quiet
        self._began = datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
        self.has_rows = False

    def __enter__(self) -> Self:
        """Start the dashboard."""
        if self._moving:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the terminal and close the connections."""
        self._live.stop()
        self._latency.close()
        self._connection.close()

    def refresh(self) -> None:
        """Read the tables and show them; after an error of PostgreSQL, reconnect."""
        try:
            self._show()
        except psycopg.Error:
            with contextlib.suppress(StoreError):
                self._connection = self._run.access.connect(Role.READ, autocommit=True)

    def _show(self) -> None:
        newest = queries.newest_sales(self._connection, MAX_NEWEST)
        self.has_rows = bool(newest) and newest[0]["created_at"] > self._began
        if self._moving:
            snapshot = replace(
                self._snapshot(),
                categories=queries.sales_by_category(self._connection, WINDOW_S),
                newest=newest,
                anomalies=queries.newest_anomalies(self._connection, MAX_ANOMALIES),
                addresses=self._addresses(),
            )
            self._live.update(render(snapshot, err.width, err.height), refresh=True)
        elif not self._quiet and clock.monotonic() > self._next_line:
            self._next_line = clock.monotonic() + LINE_INTERVAL_S
            err.print(headline(self._snapshot()), highlight=False, soft_wrap=True)

    def _snapshot(self) -> RunSnapshot:
        """Return the figures of the run without rows."""
        total = queries.ingest_total(self._connection)
        rules = self._run.rules
        return RunSnapshot(
            rate=self._rate(total["accepted"]),
            wanted=self._wanted,
            total=total,
            deduplicated=bool(rules.dedup_block_ms),
            delay=self._latency.recent(),
        )

    def _rate(self, accepted: int) -> float:
        """Return the sales a second over WINDOW_S."""
        now = clock.monotonic()
        self._counts.append((now, accepted))
        while now - self._counts[0][0] > WINDOW_S:
            self._counts.popleft()
        began, before = self._counts[0]
        return (accepted - before) / (now - began) if now > began else 0.0

    def _addresses(self) -> dict[str, str]:
        services = self._run.state().services
        return {
            name: services[service].address if service in services else "-"
            for name, service in PAGES.items()
        }
