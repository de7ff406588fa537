"""Connections are held until a server answers, and not for longer than a client waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from spaf.stack import waiting_room
from spaf.stack.ports import LOOPBACK, any_free_port
from spaf.stack.waiting_room import WaitingRoom

PATIENCE_S = 20.0


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Yield a connection to a port."""
    with socket.create_connection((LOOPBACK, port), PATIENCE_S) as client:
        yield client


def is_held(client: socket.socket) -> bool:
    """Return whether a connection is open and without an answer for a moment."""
    client.settimeout(0.2)
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE_S)


def test_a_connection_is_closed_as_soon_as_the_server_answers() -> None:
    """Every one that waits, and at once one that comes later."""
    up, port = threading.Event(), any_free_port()
    with (
        closing(WaitingRoom(port, up.is_set)),
        connected(port) as first,
        connected(port) as second,
    ):
        assert is_held(first)
        assert is_held(second)
        up.set()
        assert first.recv(1) == second.recv(1) == b""
        with connected(port) as late:
            assert late.recv(1) == b""


def test_nothing_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not come back is no reason to keep what waits for it."""
    monkeypatch.setattr(waiting_room, "MAX_WAIT_S", 0.1)
    monkeypatch.setattr(waiting_room, "MAX_WAITING", 1)
    port = any_free_port()
    with closing(WaitingRoom(port, lambda: False)), connected(port) as client:
        assert client.recv(1) == b""


def test_there_are_so_many_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further connections are closed, and those that wait go on waiting."""
    monkeypatch.setattr(waiting_room, "MAX_WAITING", 1)
    port = any_free_port()
    with closing(WaitingRoom(port, lambda: False)), connected(port) as first:
        assert is_held(first)
        with connected(port) as second:
            assert second.recv(1) == b""
        assert is_held(first)


def test_nobody_waits_after_the_end() -> None:
    """The port is free again."""
    port = any_free_port()
    WaitingRoom(port, lambda: False).close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((LOOPBACK, port), PATIENCE_S)
    WaitingRoom(port, lambda: False).close()
