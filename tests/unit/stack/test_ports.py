"""Free ports: the wanted one, or the next."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from spaf.stack import ports
from spaf.stack.ports import LOOPBACK, MAX_TRIED, any_free_port, free_port, is_free


@pytest.fixture
def busy() -> Iterator[int]:
    """Listen on a port while the test runs."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_port_that_somebody_listens_on_is_not_free(busy: int) -> None:
    """A server could not bind it."""
    assert not is_free(busy)


def test_port_is_free_again_when_its_server_has_gone() -> None:
    """And a connection that only lingers does not keep it."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            server.accept()[0].close()
    assert is_free(port)


def test_wanted_port_is_used_if_it_is_free() -> None:
    """Nobody has to look for a service elsewhere without need."""
    wanted = any_free_port()
    assert free_port(wanted, taken=set()) == wanted


def test_taken_port_gives_way_to_the_next_free_one(busy: int) -> None:
    """The next one up, so that it is easy to find."""
    expected = next(port for port in range(busy, busy + MAX_TRIED) if is_free(port))
    assert free_port(busy, taken=set()) == expected


def test_port_is_not_given_twice() -> None:
    """Two services that want the same port get two, though none listens yet."""
    taken: set[int] = set()
    wanted = any_free_port()
    given = [free_port(wanted, taken=taken) for _ in range(3)]
    assert len(set(given)) == 3
    assert taken == set(given)


def test_port_of_the_system_is_not_one_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given is not listened on yet, so the system holds it to be free."""
    offers = iter([7, 8, 9])
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    monkeypatch.setattr(ports, "any_free_port", lambda: next(offers))
    assert free_port(5, taken={7, 8}) == 9


def test_last_port_has_no_neighbours() -> None:
    """Beyond 65535 any free port will do."""
    with socket.create_server((LOOPBACK, 0)):
        found = free_port(65_535, taken={65_535})
    assert 0 < found < 65_535
