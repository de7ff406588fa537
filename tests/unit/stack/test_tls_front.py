"""TLS in front of a server without it: who asks is passed on, who does not is refused."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from spaf.settings import ServiceSettings
from spaf.stack.server_tls import ServerTls
from spaf.stack.tls_front import CANCEL_REQUEST, GSS_REQUEST, TlsFront
from spaf.store.access import SSL_REQUEST
from tests.support.secure import Authority

PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certify the front."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """Run a server on loopback that sends everything back; yield its port."""

    def serve(client: socket.socket) -> None:
        with client:
            while data := client.recv(4_096):
                client.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def port(authority: Authority) -> Iterator[int]:
    """Put a front before a server that sends everything back."""
    cert, key = authority.issue("postgres", "localhost")
    settings = ServiceSettings(cert_file=cert, key_file=key, ca_file=authority.file)
    tls = ServerTls.of(settings, "localhost")
    assert tls is not None
    with echo() as target, TlsFront("127.0.0.1", 0, target, tls.server_context()) as front:
        yield front.port


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    """Connect to the front."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        yield connection


@pytest.mark.parametrize("first", [b"", GSS_REQUEST])
def test_a_client_that_asks_for_tls_reaches_the_server(
    client: socket.socket, authority: Authority, first: bytes
) -> None:
    """Also one that would have preferred Kerberos; large messages arrive whole."""
    if first:
        client.sendall(first)
        assert client.recv(1) == b"N"
    client.sendall(SSL_REQUEST)
    assert client.recv(1) == b"S"
    context = ssl.create_default_context(cafile=str(authority.file))
    with context.wrap_socket(client, server_hostname="localhost") as secured:
        sent = bytes(range(256)) * 2_000
        secured.sendall(sent)
        found = b""
        while len(found) < len(sent):
            found += secured.recv(65_536)
        assert found == sent


def test_a_client_that_does_not_ask_is_refused_in_words(port: int) -> None:
    """The driver shows them."""
    with pytest.raises(psycopg.OperationalError, match="encrypted connections only"):
        psycopg.connect(host="127.0.0.1", port=port, user="u", sslmode="disable")


def test_a_query_can_be_cancelled(client: socket.socket) -> None:
    """The request comes on a connection of its own, not encrypted; its key is the server's."""
    client.sendall(CANCEL_REQUEST + b"12345678")
    found = b""
    while len(found) < 16:
        found += client.recv(16)
    assert found == CANCEL_REQUEST + b"12345678"


def test_a_client_of_another_authority_goes_away(port: int, tmp_path: Path) -> None:
    """It is the client that refuses."""
    stranger = Authority.create(tmp_path)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(
            host="localhost",
            port=port,
            user="u",
            sslmode="verify-full",
            sslrootcert=str(stranger.file),
        )


def test_a_taken_port_is_an_error(port: int, authority: Authority) -> None:
    """And nothing is left behind."""
    cert, key = authority.issue("other", "localhost")
    settings = ServiceSettings(cert_file=cert, key_file=key, ca_file=authority.file)
    tls = ServerTls.of(settings, "localhost")
    assert tls is not None
    before = set(threading.enumerate())
    with (
        pytest.raises(OSError, match="in use"),
        TlsFront("127.0.0.1", port, 1, tls.server_context()),
    ):
        pass
    # Threads of other tests may end meanwhile.
    assert set(threading.enumerate()) <= before
