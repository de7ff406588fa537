"""Many viewers in one process, before a small server that tells them known things."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spaf.bench.page.sse_clients import SseClients
from spaf.errors import LoadError

LOOPBACK = "127.0.0.1"
EVENT = b"id: 1-1\nevent: rows\ndata: {}\n\n"
PUSHES = 3
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Handler(BaseHTTPRequestHandler):
    """Sends a few pushes on a requested stream, then keeps it open until the end."""

    ended = threading.Event()
    refuse = False

    def do_GET(self) -> None:
        """Answer."""
        good = self.path == "/api/stream" and not self.refuse
        # In one write, so that a client with the head has the pushes, too.
        self.wfile.write(HEAD + EVENT * PUSHES if good else b"HTTP/1.1 503 Full\r\n\r\n")
        if good:
            self.ended.wait()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """Yield the address of the small server."""
    Handler.ended.clear()
    Handler.refuse = False
    one = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    one.daemon_threads = True
    thread = threading.Thread(target=one.serve_forever)
    thread.start()
    yield f"http://{LOOPBACK}:{one.server_port}"
    Handler.ended.set()
    one.shutdown()
    thread.join()
    one.server_close()


def test_every_viewer_gets_every_push(server: str) -> None:
    """None is lost, and what they got is counted to the byte."""
    with SseClients(server, 20) as clients:
        found = clients.stop()
    assert (found.viewers, found.ready, found.lost) == (20, 20, 0)
    assert found.bytes == 20 * (len(HEAD) + PUSHES * len(EVENT))
    assert found.pushes == 20 * PUSHES


def test_viewers_that_are_refused_are_no_viewers(server: str) -> None:
    """Said with how many were let in."""
    Handler.refuse = True
    with pytest.raises(LoadError, match="Only 0 of 5 viewers see the page"):
        SseClients(server, 5)


def test_no_server(server: str) -> None:
    """An address where nothing listens."""
    with pytest.raises(LoadError, match="Only 0 of 2"):
        SseClients(server.rpartition(":")[0] + ":9", 2)
