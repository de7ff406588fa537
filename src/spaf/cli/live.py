"""The live view in the terminal: what sells now, what is unusual, how late the screen is."""

from __future__ import annotations

import contextlib
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from spaf import clock
from spaf.bench.session import Session
from spaf.cli.output import err, table
from spaf.errors import StoreError
from spaf.measure.live import LiveLatency
from spaf.store import queries
from spaf.store.access import Role

# Rates and categories are those of the last seconds.
WINDOW_S = 10
NEWEST = 6
ANOMALIES = 6
# Where nobody can see a moving picture, a line now and then, seconds.
LINE_SECONDS = 5.0


class LiveView:
    """Draws the run on a terminal; elsewhere it prints a line now and then."""

    def __init__(self, session: Session, watched: Path, wanted: float, *, quiet: bool) -> None:
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
        newest = queries.newest(self._connection, NEWEST)
        self.has_rows = bool(newest) and newest[0]["created_at"] > self._began
        if self._moving:
            self._live.update(self._picture(newest), refresh=True)
        elif not self._quiet and clock.monotonic() > self._next_line:
            self._next_line = clock.monotonic() + LINE_SECONDS
            err.print(self._headline(), highlight=False)

    def _picture(self, newest: list[dict[str, Any]]) -> RenderableType:
        categories = queries.by_category(self._connection, WINDOW_S)
        anomalies = queries.newest_anomalies(self._connection, ANOMALIES)
        return Group(
            Text(),
            self._headline(),
            Text(),
            Columns([_categories(categories), _newest(newest)], padding=(0, 3)),
            _anomalies(anomalies),
            self._links(),
        )

    def _headline(self) -> Text:
        total = queries.total(self._connection)
        accepted = total["accepted"]
        now = clock.monotonic()
        self._counts.append((now, accepted))
        while now - self._counts[0][0] > WINDOW_S:
            self._counts.popleft()
        began, before = self._counts[0]
        rate = (accepted - before) / (now - began) if now > began else 0.0
        delay = self._latency.recent()
        seen = "measuring" if delay is None else f"p50 {delay.p50:.1f} ms  p99 {delay.p99:.1f} ms"
        return Text.assemble(
            ("SPAF  ", "bold"),
            f"{rate:,.0f} sales/s of {self._wanted:,.0f}   ",
            f"{total['records']:,} records = {accepted:,} accepted{self._duplicates(total)}"
            f" + {total['late']:,} late + {total['rejected']:,} rejected   ",
            ("sale → PostgreSQL  ", "dim"),
            (seen, "bold cyan"),
        )

    def _duplicates(self, total: dict[str, Any]) -> str:
        """Return the term of the equation that a run has which counts each transactionId once."""
        return f" + {total['duplicates']:,} duplicates" if self._session.rules.once_ms else ""

    def _links(self) -> Text:
        services = self._session.state().services
        flink = services.get("jobmanager")
        locust = services.get("locust")
        serve = services.get("serve")
        return Text(
            f"Page {serve.address if serve else '-'}   "
            f"Locust {locust.address if locust else '-'}   "
            f"Flink {flink.address if flink else '-'}   end with Ctrl-C",
            style="dim",
        )


def _categories(rows: list[dict[str, Any]]) -> RenderableType:
    shown = [(r["category"], r["currency"], r["sales_count"], r["total_sales"]) for r in rows]
    return table(f"last {WINDOW_S} s", ("category", "currency", "sales", "money"), shown)


def _newest(rows: list[dict[str, Any]]) -> RenderableType:
    shown = [
        (f"{r['window_start']:%H:%M:%S}", r["category"], r["sales_count"], r["total_sales"])
        for r in rows
    ]
    return table("newest rows of sales_summary", ("second", "category", "sales", "money"), shown)


def _anomalies(rows: list[dict[str, Any]]) -> RenderableType:
    shown = [
        (
            r["detected_at"],
            r["kind"],
            r["category"],
            float(r["amount"]),
            float(r["expected"]),
            r["score"],
        )
        for r in rows
    ]
    columns = ("known at", "kind", "category", "seen", "expected", "score")
    return table("anomalies", columns, shown)
