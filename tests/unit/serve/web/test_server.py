"""Connections that do not do their part, against a real server on a real socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from spaf.serve import app
from spaf.serve.app import build
from spaf.serve.push import stream
from spaf.serve.records import tail
from spaf.serve.run_info import RunInfo
from spaf.serve.web import server
from spaf.serve.web.server import Server, listeners
from spaf.stack.ports import any_free_port
from spaf.stack.process import wait_until

PATIENCE_S = 20.0


@pytest.fixture
def port(source: RunInfo, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Serve the application, without its neighbours; yield the port."""
    monkeypatch.setattr(app, "MAX_LOAD_S", 0.01)
    found = any_free_port()
    running = Server(build(source, found, "token"), found)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert wait_until(lambda: running.started, PATIENCE_S, poll=0.01)
    yield found
    running.should_exit = True
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def connected(port: int, *, small: bool = False) -> socket.socket:
    """Return an open connection; a small one holds few bytes that are not read."""
    sock = socket.socket()
    if small:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    sock.settimeout(PATIENCE_S)
    sock.connect(("127.0.0.1", port))
    return sock


def everything(sock: socket.socket) -> bytes:
    """Read to the end of a connection, which may be a sudden one."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65_536):
            found += data
    return found


def ended(sock: socket.socket) -> bool:
    """Read to the end of a connection; say that it has come."""
    everything(sock)
    return True


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127"])
def test_a_request_that_never_ends_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    """Nothing at all, or a part of the headers."""
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_S", 0.05)
    with connected(port) as sock:
        sock.sendall(begin)
        assert ended(sock)


def test_a_second_request_that_never_ends_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a connection that has been good before."""
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_S", 0.2)
    with connected(port) as sock:
        sock.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert b"200 OK" in sock.recv(65_536)
        sock.sendall(b"GET /heal")
        assert ended(sock)


def test_who_never_reads_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream into a browser that has gone to sleep holds its memory for a while only."""
    monkeypatch.setattr(server, "UNREAD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(server, "WRITE_BUFFER_BYTES", 256)
    monkeypatch.setattr(server, "SEND_BUFFER_BYTES", 2_048)
    with connected(port, small=True) as sock:
        many = f"GET /static/icon.svg HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n" * 2_000
        with pytest.raises(ConnectionError):
            sock.sendall(many.encode() * 1_000)


def test_a_long_head_is_no_request(port: int) -> None:
    """It is answered as every mistake is."""
    with connected(port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * (2 * server.MAX_HEADER_BYTES) + b"\r\n\r\n")
        answer = everything(sock)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"default-src 'none'" in answer


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9\r\n\r\n"]
)
def test_what_is_no_http_is_refused(port: int, request_: bytes) -> None:
    """With the headers that every answer has."""
    with connected(port) as sock:
        sock.sendall(request_ + b"\r\n\r\n")
        answer = everything(sock)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"default-src 'none'" in answer
    assert b'{"error":"This is no HTTP request."}' in answer


def test_one_connection_too_many_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on."""
    address = f"http://127.0.0.1:{port}/healthz"
    with connected(port) as first:
        monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
        with connected(port) as second:
            assert ended(second)
        first.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert b"200 OK" in first.recv(65_536)
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 10)
    assert httpx.get(address).status_code == 200


def test_one_viewer_too_many_is_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on."""
    address = f"http://127.0.0.1:{port}/api/stream"
    with httpx.stream("GET", address) as first:
        lines = first.iter_lines()
        assert next(lines) == "retry: 500"
        assert "content-encoding" not in first.headers, "compression would hold events back"
        monkeypatch.setattr(stream, "MAX_VIEWERS", 1)
        answer = httpx.get(address)
        assert answer.status_code == 503
        assert "pages are open already" in answer.json()["error"]
        assert any(line == "event: tick" for line in lines)


def test_the_server_says_nothing_of_itself(port: int) -> None:
    """Neither name nor version; nor does it speak anything but HTTP."""
    answer = httpx.get(
        f"http://127.0.0.1:{port}/healthz",
        headers={"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"},
    )
    assert answer.status_code == 200
    assert "server" not in answer.headers


def test_every_stream_ends_with_the_server(
    source: RunInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In good order: a browser then comes back by itself."""
    monkeypatch.setattr(app, "MAX_LOAD_S", 0.01)
    port = any_free_port()
    running = Server(build(source, port, "token"), port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert wait_until(lambda: running.started, PATIENCE_S, poll=0.01)
    with httpx.stream("GET", f"http://127.0.0.1:{port}/api/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 500"
        running.should_exit = True
        assert list(lines)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


class QuietTail:
    """A tail of a topic to which nothing comes; the second one's broker is silent."""

    def __init__(self, *_: object) -> None:
        """Open."""
        self.asked = threading.Event()
        self.answers = threading.Event()
        self.closed = threading.Event()
        opened.append(self)

    def step(self, _: int) -> tuple[list[object], int]:
        """Find nothing."""
        self.asked.set()
        if self is not opened[0]:
            self.answers.wait(PATIENCE_S)
        return [], 0

    def close(self) -> None:
        """Remember it."""
        self.closed.set()


opened: list[QuietTail] = []


def test_every_tail_ends_with_the_server(source: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """In good order, whether it waits for its next step or for a broker: nothing is cut off."""
    monkeypatch.setattr(app, "MAX_LOAD_S", 0.01)
    monkeypatch.setattr(server, "SHUTDOWN_S", 2 * PATIENCE_S)
    monkeypatch.setattr(tail, "STEP_S", 2 * PATIENCE_S)
    monkeypatch.setattr(tail, "TopicTail", QuietTail)
    opened.clear()
    port = any_free_port()
    running = Server(build(source, port, "token"), port)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert wait_until(lambda: running.started, PATIENCE_S, poll=0.01)
    address = f"http://127.0.0.1:{port}/api/kafka/tail?topic=sales"
    with httpx.stream("GET", address) as first, httpx.stream("GET", address) as second:
        lines = first.iter_lines()
        assert next(lines) == ": nothing new"
        assert opened[1].asked.wait(PATIENCE_S)
        running.should_exit = True
        assert list(lines) == [""]
        assert list(second.iter_lines()) == []
        opened[1].answers.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert all(connection.closed.wait(PATIENCE_S) for connection in opened)


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("127.0.0.1", {"127.0.0.1"}),
        ("0.0.0.0", {"0.0.0.0"}),  # noqa: S104 - of a container
        ("127.0.0.7", {"127.0.0.1", "127.0.0.7"}),
    ],
)
def test_server_listens_at_loopback_and_where_it_is_told_to(bind: str, expected: set[str]) -> None:
    """Who asks whether it is ready does so at loopback."""
    found = listeners(any_free_port(), bind)
    try:
        assert {listener.getsockname()[0] for listener in found} - {"::1"} == expected
    finally:
        for listener in found:
            listener.close()
