"""What a disturbed connection does, with real sockets; times have lower bounds only."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from spaf import clock
from spaf.chaos.tcp_proxy import Impairment, ProxyLoop, TcpProxy
from spaf.stack.ports import LOOPBACK, any_free_port
from spaf.stack.process import wait_until

# Far beyond what a busy machine needs, seconds.
SOON_S = 20.0
# For how long nothing must arrive, seconds.
SILENCE_S = 0.2
BOTH = Impairment(hold_up=True, hold_down=True)


class EchoServer:
    """Sends back what it gets, and keeps its connections."""

    def __init__(self) -> None:
        """Listen at a free port."""
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self.got = b""
        self.resets = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = self._socket.accept()
                threading.Thread(target=self._echo, args=(end,), daemon=True).start()

    def _echo(self, end: socket.socket) -> None:
        with end:
            try:
                while data := end.recv(1_024):
                    self.got += data
                    end.sendall(data)
            except OSError:
                self.resets += 1


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """Yield a server."""
    with contextlib.closing(EchoServer()) as made:
        yield made


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[TcpProxy]:
    """Yield a proxy before the server."""
    with ProxyLoop() as loop:
        made = TcpProxy(loop, 0, server.port)
        made.open()
        yield made
        made.close()


@pytest.fixture
def connect(proxy: TcpProxy) -> Iterator[Callable[[], socket.socket]]:
    """Yield what opens a connection through the proxy."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(
            socket.create_connection((LOOPBACK, proxy.port), timeout=SOON_S)
        )


def everything(_: int) -> bool:
    """Hit every connection."""
    return True


def answer(end: socket.socket, text: bytes) -> bytes:
    """Send a text and return as many bytes as it has."""
    end.sendall(text)
    got = b""
    while len(got) < len(text):
        data = end.recv(1_024)
        if not data:
            break
        got += data
    return got


def is_silent(end: socket.socket) -> bool:
    """Return whether nothing arrives for a while, neither bytes nor an end."""
    end.settimeout(SILENCE_S)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(SOON_S)
    return False


def test_bytes_and_ends_pass(connect: Callable[[], socket.socket]) -> None:
    """Each connection for itself, and one end's farewell reaches the other."""
    first, second = connect(), connect()
    assert answer(first, b"one") == b"one"
    assert answer(second, b"two" * 100_000) == b"two" * 100_000
    first.shutdown(socket.SHUT_WR)
    assert first.recv(1) == b""
    assert answer(second, b"three") == b"three"


def test_latency_is_at_least_what_was_asked(
    proxy: TcpProxy, connect: Callable[[], socket.socket]
) -> None:
    """In each direction, for connections that are open and for new ones."""
    before = connect()
    assert answer(before, b"x") == b"x"
    proxy.impair(Impairment(latency_ms=50, jitter_ms=10), everything)
    for end in (before, connect()):
        began = clock.monotonic()
        assert answer(end, b"slow") == b"slow"
        assert clock.monotonic() - began >= 0.1
    assert proxy.counts.delayed >= 4
    proxy.heal()
    assert answer(before, b"order" * 1_000) == b"order" * 1_000


def test_bandwidth_is_at_most_what_was_asked(
    proxy: TcpProxy, connect: Callable[[], socket.socket]
) -> None:
    """2,000 bytes at 10,000 a second take a fifth of a second, in each direction."""
    end = connect()
    proxy.impair(Impairment(bytes_per_s=10_000), everything)
    began = clock.monotonic()
    assert answer(end, b"x" * 2_000) == b"x" * 2_000
    assert clock.monotonic() - began >= 0.2


def test_a_black_hole_passes_nothing(
    proxy: TcpProxy, server: EchoServer, connect: Callable[[], socket.socket]
) -> None:
    """Neither on an open connection nor on a new one; what was sent arrives afterwards."""
    old = connect()
    assert answer(old, b"a") == b"a"
    proxy.impair(BOTH, everything)
    new = connect()
    for end in (old, new):
        end.sendall(b"b")
        assert is_silent(end)
    assert server.got == b"a"
    assert wait_until(lambda: proxy.counts.held >= 2, SOON_S)
    proxy.heal()
    assert [end.recv(1) for end in (old, new)] == [b"b", b"b"]


@pytest.mark.parametrize(
    ("impairment", "arrives"),
    [(Impairment(hold_up=True), b""), (Impairment(hold_down=True), b"b")],
    ids=["requests", "answers"],
)
def test_one_direction_is_lost(
    proxy: TcpProxy,
    server: EchoServer,
    connect: Callable[[], socket.socket],
    impairment: Impairment,
    arrives: bytes,
) -> None:
    """The server gets requests whose answers are lost, or no requests."""
    end = connect()
    assert answer(end, b"a") == b"a"
    proxy.impair(impairment, everything)
    end.sendall(b"b")
    assert is_silent(end)
    assert wait_until(lambda: server.got == b"a" + arrives, SOON_S)
    proxy.heal()
    assert end.recv(1) == b"b"


def test_a_reset_ends_both_sides(
    proxy: TcpProxy, server: EchoServer, connect: Callable[[], socket.socket]
) -> None:
    """Also those of new connections, until it is over."""
    end = connect()
    assert answer(end, b"a") == b"a"
    proxy.impair(Impairment(reset=True), everything)
    with pytest.raises(ConnectionResetError):
        end.recv(1)
    assert wait_until(lambda: server.resets == 1, SOON_S)
    with pytest.raises(ConnectionResetError):
        answer(connect(), b"b")
    assert proxy.counts.cut == 2
    proxy.heal()
    assert answer(connect(), b"c") == b"c"


def test_a_half_open_connection_is_open_for_the_client_only(
    proxy: TcpProxy, server: EchoServer, connect: Callable[[], socket.socket]
) -> None:
    """Its server has reset it; the client may write, and hears nothing until it is over."""
    old = connect()
    assert answer(old, b"a") == b"a"
    proxy.impair(Impairment(half_open=True), everything)
    assert wait_until(lambda: server.resets == 1, SOON_S)
    new = connect()
    for end in (old, new):
        end.sendall(b"b")
        assert is_silent(end)
    assert proxy.counts.cut == 1
    proxy.heal()
    for end in (old, new):
        with pytest.raises(ConnectionResetError):
            end.recv(1)
    assert server.got == b"a"


def test_only_the_connections_that_are_meant_are_hit(
    proxy: TcpProxy, connect: Callable[[], socket.socket]
) -> None:
    """A link is that of one client."""
    hit, spared = connect(), connect()
    assert [answer(end, b"a") for end in (hit, spared)] == [b"a", b"a"]
    port = hit.getsockname()[1]
    proxy.impair(BOTH, lambda client: client == port)
    hit.sendall(b"b")
    assert is_silent(hit)
    assert answer(spared, b"b") == b"b"


def test_a_server_that_is_away_resets() -> None:
    """As without a proxy: a client is refused, not left waiting."""
    with ProxyLoop() as loop:
        proxy = TcpProxy(loop, 0, any_free_port())
        proxy.open()
        # The proxy may do so before `create_connection` has returned.
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection((LOOPBACK, proxy.port), timeout=SOON_S) as end,
        ):
            end.recv(1)
        proxy.close()


def test_a_taken_port_is_refused(server: EchoServer) -> None:
    """The error is that of the system."""
    with ProxyLoop() as loop, pytest.raises(OSError, match="address already in use"):
        TcpProxy(loop, server.port, 1).open()
