"""Free ports: the wanted one, or the next."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from spaf.stack.ports import LOOPBACK, MAX_TRIED, PortReservations, any_free_port, is_free


@pytest.fixture
def reservations() -> Iterator[PortReservations]:
    """Yield reservations that are released at the end."""
    made = PortReservations()
    yield made
    made.close()


@pytest.fixture
def busy() -> Iterator[int]:
    """Listen on a port while the test runs."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_port_that_a_server_listens_on_is_not_free(busy: int) -> None:
    """A server could not bind it."""
    assert not is_free(busy)


def test_port_is_free_again_when_its_server_has_gone() -> None:
    """And a connection that only lingers does not keep it."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            server.accept()[0].close()
    assert is_free(port)


def test_wanted_port_is_used_if_it_is_free(reservations: PortReservations) -> None:
    """A user finds the service where the settings say."""
    wanted = any_free_port()
    assert reservations.reserve(wanted) == wanted


def test_taken_port_gives_way_to_the_next_free_one(
    busy: int, reservations: PortReservations
) -> None:
    """The next one up, so that it is easy to find."""
    expected = next(port for port in range(busy, busy + MAX_TRIED) if is_free(port))
    assert reservations.reserve(busy) == expected


def test_port_is_not_given_twice(reservations: PortReservations) -> None:
    """Two services that want the same port get two, though neither listens yet."""
    wanted = any_free_port()
    given = [reservations.reserve(wanted) for _ in range(3)]
    assert len(set(given)) == 3


def test_two_starts_never_get_the_same_port(reservations: PortReservations) -> None:
    """The second start finds the port taken until the first run has ended."""
    port = reservations.reserve(any_free_port())
    second = PortReservations()
    assert second.reserve(port) != port
    reservations.close()
    assert PortReservations().reserve(port) == port


def test_reservation_ends_with_its_process() -> None:
    """A killed start leaves nothing that blocks the next one."""
    port = any_free_port()
    code = (
        "import sys; from spaf.stack.ports import PortReservations\n"
        f"print(PortReservations().reserve({port}), flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert int(other.stdout.readline()) == port
        other.kill()
    assert PortReservations().reserve(port) == port


def test_last_port_has_no_neighbours(reservations: PortReservations) -> None:
    """Beyond 65535 any free port will do."""
    first, second = reservations.reserve(65_535), reservations.reserve(65_535)
    assert first != second
    assert 0 < second < 65_535
