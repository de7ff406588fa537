"""The live view in the terminal: what sells now, what is unusual, how late the screen is."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from rich.live import Live

from spaf import clock
from spaf.cli.terminal.dashboard import ANOMALIES, NEWEST, WINDOW_S, Scene, draw, headline
from spaf.cli.terminal.output import err
from spaf.errors import StoreError
from spaf.measure.live_latency import LiveLatency
from spaf.stack.run import Run
from spaf.stack.service_names import JOBMANAGER, LOCUST, SERVE
from spaf.store import queries
from spaf.store.access import Role

# Name of a page → the service that has it.
PAGES = {"Page": SERVE, "Locust": LOCUST, "Flink": JOBMANAGER}
# Where nobody can see a moving picture, a line now and then, seconds.
LINE_SECONDS = 5.0


class LiveView:
    """Draws the run on a terminal; elsewhere it prints a line now and then."""

    def __init__(self, session: Run, watched: Path, wanted: float, *, quiet: bool) -> None:
        """Connect; nothing is drawn yet."""
        self._session = session
        self._wanted = wanted
        self._connection = session.access.connect(Role.READ, autocommit=True)
        self._latency = LiveLatency(session.kafka, session.topic, session.rules, watched)
        self._live = Live(console=err, auto_refresh=False, screen=False, transient=True)
        self._moving = err.is_terminal and not quiet
        self._counts: deque[tuple[float, int]] = deque()
        self._next_line = 0.0
        self._quiet = quiet
        self._began = datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
        self.has_rows = False

    def __enter__(self) -> Self:
        """Start to draw."""
        if self._moving:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._live.stop()
        self._latency.close()
        self._connection.close()

    def refresh(self) -> None:
        """Look at the tables and draw them; a database that is coming back is waited for."""
        try:
            self._look()
        except psycopg.Error:
            with contextlib.suppress(StoreError):
                self._connection = self._session.access.connect(Role.READ, autocommit=True)

    def _look(self) -> None:
        newest = queries.newest_sales(self._connection, NEWEST)
        self.has_rows = bool(newest) and newest[0]["created_at"] > self._began
        if self._moving:
            scene = replace(
                self._scene(),
                categories=queries.sales_by_category(self._connection, WINDOW_S),
                newest=newest,
                anomalies=queries.newest_anomalies(self._connection, ANOMALIES),
                addresses=self._addresses(),
            )
            self._live.update(draw(scene, err.width, err.height), refresh=True)
        elif not self._quiet and clock.monotonic() > self._next_line:
            self._next_line = clock.monotonic() + LINE_SECONDS
            err.print(headline(self._scene()), highlight=False, soft_wrap=True)

    def _scene(self) -> Scene:
        """Return the figures of the run, without rows."""
        total = queries.ingest_total(self._connection)
        rules = self._session.rules
        return Scene(
            rate=self._rate(total["accepted"]),
            wanted=self._wanted,
            total=total,
            deduplicated=bool(rules.dedup_block_ms),
            delay=self._latency.recent(),
        )

    def _rate(self, accepted: int) -> float:
        """Return sales a second of the last seconds."""
        now = clock.monotonic()
        self._counts.append((now, accepted))
        while now - self._counts[0][0] > WINDOW_S:
            self._counts.popleft()
        began, before = self._counts[0]
        return (accepted - before) / (now - began) if now > began else 0.0

    def _addresses(self) -> dict[str, str]:
        services = self._session.state().services
        return {
            name: services[service].address if service in services else "-"
            for name, service in PAGES.items()
        }
