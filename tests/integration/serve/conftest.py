"""The page's web application over real tables, in a server of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from spaf.serve.app import build
from spaf.serve.run_info import RunInfo
from spaf.serve.web.server import Server
from spaf.stack.ports import any_free_port
from spaf.stack.postgres import SUPERUSER
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.topic.admin import ensure_topic

TOKEN = "the-token-of-a-test"  # noqa: S105 - it opens nothing
PATIENCE_S = 30.0
UPSERT = (
    "INSERT INTO sales_summary "
    "(window_start, category, currency, sales_count, units_sold, total_sales) "
    "VALUES (to_timestamp(%s), %s, %s, %s, %s, %s) "
    "ON CONFLICT (window_start, category, currency) DO UPDATE "
    "SET sales_count = excluded.sales_count, units_sold = excluded.units_sold, "
    "total_sales = excluded.total_sales"
)


@dataclass
class Page:
    """A served page and its tables."""

    address: str
    session: Run
    runs: Path
    _sink: psycopg.Connection | None = None

    def sell(
        self, second: int, category: str, sales: int, money: str, currency: str = "BRL"
    ) -> None:
        """Write a row of sales_summary as the job's sink does."""
        if self._sink is None:
            self._sink = self.session.access.connect(Role.SINK, autocommit=True)
        self._sink.execute(UPSERT, [second, category, currency, sales, sales * 2, money])

    def sell_many(self, rows: list[tuple[int, str, int]]) -> None:
        """Write rows (second, category, sales) at once."""
        self.sell(*rows[0], "1.00")
        assert self._sink is not None
        values = [(*row, row[2] * 2, "1.00") for row in rows]
        self._sink.execute(
            "INSERT INTO sales_summary (window_start, category, currency, sales_count, units_sold, "
            "total_sales) SELECT to_timestamp(s), c, 'BRL', n, u, m FROM unnest(%s::bigint[], "
            "%s::text[], %s::bigint[], %s::bigint[], %s::numeric[]) AS t (s, c, n, u, m) "
            "ON CONFLICT (window_start, category, currency) DO UPDATE SET "
            "sales_count = excluded.sales_count, units_sold = excluded.units_sold",
            [list(column) for column in zip(*values, strict=True)],
        )

    def anomaly(self, offset: int, category: str, amount: str, expected: str) -> int:
        """Write an unusual sale; return when it was found, epoch milliseconds."""
        with self.session.access.connect(Role.SINK, autocommit=True) as sink:
            cursor = sink.execute(
                "INSERT INTO sale_anomaly (kafka_partition, kafka_offset, kind, category, amount, "
                "expected, score) VALUES (0, %s, 'price_x10', %s, %s, %s, 9.5) "
                "RETURNING floor(extract(epoch FROM detected_at) * 1000)::bigint",
                [offset, category, amount, expected],
            )
            return int(cursor.fetchall()[0][0])

    def superuser(self) -> psycopg.Connection:
        """Return a connection that may terminate other connections."""
        access = self.session.access
        return psycopg.connect(
            host=access.host,
            port=access.port,
            dbname=access.database,
            user=SUPERUSER,
            password=self.session.home.passwords()["superuser"],
            autocommit=True,
        )

    def post(self, path: str, body: Any) -> httpx.Response:
        """Send a request that changes something, with the token of the page."""
        headers = {"x-spaf-token": TOKEN}
        return httpx.post(self.address + path, json=body, headers=headers, timeout=PATIENCE_S)

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of a response, which must have status 200."""
        found = httpx.get(self.address + path, params=parameters, timeout=PATIENCE_S)
        assert found.status_code == 200, found.text
        return found.json()

    def close(self) -> None:
        """Close the connection of the sink."""
        if self._sink is not None:
            self._sink.close()


@dataclass
class StreamReader:
    """A viewer: reads the stream in a thread and keeps its events."""

    address: str
    after: str | None = None
    events: list[tuple[str, str, Any]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> StreamReader:
        """Start the thread; return once the stream is open."""
        opened = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(opened,), daemon=True)
        self._thread.start()
        assert opened.wait(PATIENCE_S)
        return self

    def leave(self) -> None:
        """Close the stream with the next event."""
        self._stop.set()

    def stop(self) -> None:
        """Close the stream and wait for the thread."""
        self.leave()
        assert self._thread is not None
        self._thread.join(PATIENCE_S)

    def kinds(self) -> list[str]:
        """Return the kinds of the events, in order."""
        return [kind for _, kind, _ in self.events]

    def rows(self) -> dict[tuple[int, str, str], list[Any]]:
        """Return the newest value of each row, from snapshots and deltas."""
        shown: dict[tuple[int, str, str], list[Any]] = {}
        for _, kind, data in list(self.events):
            if kind == "snapshot":
                shown.clear()
            if kind in ("snapshot", "rows"):
                for row in data["rows"]:
                    shown[row[0], row[1], row[2]] = row[3:6]
        return {key: row for key, row in shown.items() if row[0]}

    def sums(self) -> Any:
        """Return the newest running sums."""
        return next(
            d["sums"] for _, kind, d in reversed(self.events) if kind in ("snapshot", "rows")
        )

    def receives(self, what: Callable[[StreamReader], bool]) -> bool:
        """Wait until a condition on the events holds."""
        return wait_until(lambda: what(self), PATIENCE_S, poll=0.005)

    def _listen(self, opened: threading.Event) -> None:
        headers = {} if self.after is None else {"last-event-id": self.after}
        with httpx.stream(
            "GET", self.address + "/api/stream", headers=headers, timeout=PATIENCE_S
        ) as answer:
            opened.set()
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                if self._stop.is_set():
                    return
                name, _, value = line.partition(": ")
                if name:
                    event[name] = value
                elif "data" in event:
                    data = msgspec.json.decode(event["data"])
                    self.events.append((event["id"], event["event"], data))
                    event = {}


@pytest.fixture
def page(stack: Run, name: Callable[[str], str], serve_again: Callable[[Run], Page]) -> Page:
    """Serve the page over empty tables of the test's own."""
    session = stack.with_tables(name("sales"), name("answers"))
    ensure_topic(session.kafka, session.topic, 1)
    migrate(session.access)
    return serve_again(session)


class served:  # noqa: N801 - read as a word in a with statement
    """Serve the page over a session's tables for a block."""

    def __init__(self, session: Run, shown: RunInfo) -> None:
        """Plan it."""
        port = any_free_port()
        self._page = Page(f"http://127.0.0.1:{port}", session, shown.runs)
        site = build(shown, port, TOKEN)
        self._server = Server(site, port)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Page:
        """Start, and wait until it answers."""
        self._thread.start()
        assert wait_until(lambda: self._server.started, PATIENCE_S, poll=0.01)
        return self._page

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._page.close()
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def open_stream() -> Iterator[Callable[..., StreamReader]]:
    """Return a function that opens the stream of a page; all close with the test."""
    readers: list[StreamReader] = []

    def listen(page: Page, after: str | None = None) -> StreamReader:
        readers.append(StreamReader(page.address, after).start())
        return readers[-1]

    yield listen
    # First all, then wait: a thread ends with the next event.
    for reader in readers:
        reader.leave()
    for reader in readers:
        reader.stop()


@pytest.fixture
def serve_again(
    run_info: Callable[..., RunInfo], tmp_path: Path
) -> Iterator[Callable[[Run], Page]]:
    """Return a function that serves the same tables by a second application."""
    labels = tmp_path / "labels.jsonl"
    with contextlib.ExitStack() as stack:
        yield lambda run: stack.enter_context(
            served(run, run_info(run, labels=labels, runs=tmp_path))
        )
