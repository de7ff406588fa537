"""Many viewers see the same; one that does not keep up gets no outdated events."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from spaf import clock
from spaf.bench.page.sse_clients import SseClients
from spaf.bench.run.load import Load
from spaf.stack.resource_usage import resources
from spaf.stack.run import Run

VIEWERS = 100
# What the kernel keeps for a viewer that does not read, bytes.
SMALL_BUFFER = 4_096
# Rows that change in each round, and rounds: more than the buffers and the queue of the server
# hold. The pause between two rounds makes each a push of its own, seconds.
ROWS, ROUNDS = 100, 200
PAUSE_S = 0.02


class Events:
    """Server-sent events as they come out of a socket."""

    def __init__(self, viewer: socket.socket) -> None:
        """Read from there."""
        self._file = viewer.makefile("rb")
        self.number = -1

    def close(self) -> None:
        """Read no more."""
        self._file.close()

    def next(self) -> tuple[str, int]:
        """Return kind and number of the next event."""
        kind = ""
        while True:
            line = self._file.readline().decode(errors="replace").strip()
            if line.startswith("event:"):
                kind = line.partition(":")[2].strip()
            if line.startswith("id:"):
                self.number = int(line.rpartition("-")[2])
            if not line and kind:
                return kind, self.number


def test_a_hundred_viewers(
    run: Run, tab: Any, address: str, load: Callable[[float], Load], pause: Callable[[], None]
) -> None:
    """All of them get every second's news, none is lost, and the browser is right meanwhile."""
    headless = load(50)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    with SseClients(address, VIEWERS) as clients:
        began = clock.monotonic()
        assert tab.until(lambda: clock.monotonic() - began > 5)
        found = clients.stop()
    assert (found.ready, found.lost) == (VIEWERS, 0)
    assert found.pushes >= VIEWERS * 5
    headless.stop()
    headless.result()
    pause()
    produced = sum(run.end_offsets().values())
    assert tab.until(lambda: tab.number("produced") == produced)
    memory, _ = resources(run.state().services["serve"])
    assert memory < 120


def test_a_slow_viewer_gets_a_fresh_snapshot(address: str, send: Callable[..., None]) -> None:
    """It does not read until its queue is full; then comes a snapshot, and ids that only go up."""
    host, _, port = urlsplit(address).netloc.partition(":")
    with socket.socket() as viewer:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        viewer.connect((host, int(port)))
        viewer.sendall(f"GET /api/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        with contextlib.closing(Events(viewer)) as events:
            assert events.next()[0] == "snapshot"
            _change_rows(send)
            _expect_snapshot(events)


def _change_rows(send: Callable[..., None]) -> None:
    """Sell in many categories, again and again."""
    sales = [
        {
            "productId": "p",
            "productCategory": f"viewer {number}",
            "productPrice": 1.5,
            "productQuantity": 1,
        }
        for number in range(ROWS)
    ]
    for _ in range(ROUNDS):
        send(*sales)
        clock.sleep(PAUSE_S)


def _expect_snapshot(events: Events) -> None:
    kinds: set[str] = set()
    last = events.number
    deadline = clock.monotonic() + 20
    while "snapshot" not in kinds and clock.monotonic() < deadline:
        kind, number = events.next()
        kinds.add(kind)
        assert number >= last
        last = number
    assert "snapshot" in kinds
