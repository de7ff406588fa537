"""Where a service on its own listens, and what it tells others."""

from __future__ import annotations

import socket

import pytest

from spaf.errors import ServiceError
from spaf.settings import ServiceSettings
from spaf.stack.listen_address import ListenAddress

EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a container


def test_without_a_setting_a_service_is_on_loopback() -> None:
    """Nothing is open to others that was not asked for."""
    address = ListenAddress.of(ServiceSettings())
    assert address == ListenAddress("127.0.0.1", "127.0.0.1")
    assert not address.beyond_loopback


@pytest.mark.parametrize(
    ("bind", "host", "clients", "local"),
    [
        (EVERYWHERE, "kafka", "kafka:9092", "127.0.0.1:9092"),
        (EVERYWHERE, None, f"{socket.gethostname()}:9092", "127.0.0.1:9092"),
        ("10.0.0.5", "10.0.0.5", "10.0.0.5:9092", "10.0.0.5:9092"),
        ("::", "fd00::5", "[fd00::5]:9092", "[::1]:9092"),
    ],
)
def test_others_use_the_name_and_this_host_its_own_address(
    bind: str, host: str | None, clients: str, local: str
) -> None:
    """No client can connect to 0.0.0.0, and a host may not know its own public name."""
    address = ListenAddress.of(ServiceSettings(bind=bind, host=host))
    assert address.at(9092) == clients
    assert address.locally_at(9092) == local
    assert address.beyond_loopback


def test_taken_port_is_one_sentence_with_the_setting() -> None:
    """A service on its own does not move to another port: its clients would not find it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServiceError) as caught:
            ListenAddress().require_free("kafka", port, "SPAF_KAFKA__PORT")
    assert f"kafka: it cannot listen at 127.0.0.1:{port}: Address already in use." in str(
        caught.value
    )
    assert "SPAF_KAFKA__PORT" in caught.value.todo
    ListenAddress().require_free("kafka", port, "SPAF_KAFKA__PORT")


def test_an_address_of_another_host_is_refused() -> None:
    """Of a network that documents use, so of no host."""
    with pytest.raises(ServiceError, match=r"203\.0\.113\.1:9092: Cannot assign"):
        ListenAddress("203.0.113.1").require_free("kafka", 9092, "SPAF_KAFKA__PORT")
