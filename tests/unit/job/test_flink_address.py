"""Flink's REST API over TLS: for SPAF's client, and for the client that submits."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from spaf.errors import JobError, SettingsError
from spaf.job.flink_address import FlinkAddress
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings
from tests.support.secure import Authority

SYSTEM_STORE = Path("/java/cacerts")


class Answer(BaseHTTPRequestHandler):
    """Answers with an empty list."""

    def do_GET(self) -> None:
        """Answer."""
        body = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def url(authority: Authority) -> Iterator[str]:
    """Serve HTTPS that requires a client certificate, below a path; yield the address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.load_cert_chain(*authority.issue("server", "127.0.0.1"))
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/flink/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_client_with_its_certificate_is_answered(authority: Authority, url: str) -> None:
    """Below the path of the address."""
    cert, key = authority.issue("client")
    chosen = FlinkSettings(ca_file=authority.file, cert_file=cert, key_file=key)
    with closing(FlinkClient(FlinkAddress.of(url, chosen))) as client:
        assert client.get("/overview") == {"path": "/flink/overview"}


def test_a_refused_client_is_told_with_the_setting(authority: Authority, url: str) -> None:
    """The authority of the server, or the certificate of the client."""
    for chosen, told in (
        (FlinkSettings(), "not trusted; correct flink.ca_file"),
        (FlinkSettings(ca_file=authority.file), "set flink.cert_file and flink.key_file"),
    ):
        with closing(FlinkClient(FlinkAddress.of(url, chosen))) as client:
            with pytest.raises(JobError) as caught:
                client.get("/overview")
            assert told in caught.value.line


def test_a_wrong_file_is_told_before_anything_connects(url: str) -> None:
    """With the setting that names it."""
    with pytest.raises(SettingsError, match=r"flink\.ca_file = /nowhere"):
        FlinkAddress.of(url, FlinkSettings(ca_file=Path("/nowhere")))


def test_the_client_that_submits_gets_stores(
    authority: Authority, url: str, tmp_path: Path
) -> None:
    """Readable by their owner only, each with the password in the options."""
    cert, key = authority.issue("client")
    chosen = FlinkSettings(ca_file=authority.file, cert_file=cert, key_file=key)
    options = FlinkAddress.of(url, chosen).client_options(tmp_path, SYSTEM_STORE)
    assert options["rest.path"] == "/flink"
    assert options["security.ssl.rest.enabled"] == "true"
    for kind in ("truststore", "keystore"):
        file = Path(options[f"security.ssl.rest.{kind}"])
        password = options[f"security.ssl.rest.{kind}-password"]
        assert file.stat().st_mode & 0o777 == 0o600
        assert pkcs12.load_pkcs12(file.read_bytes(), password.encode())


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h"])
def test_without_tls_no_option_is_needed(url: str, tmp_path: Path) -> None:
    """The client that submits gets host and port as before."""
    address = FlinkAddress(url)
    assert address.client_options(tmp_path, SYSTEM_STORE) == {}
    assert (address.host, address.port) == ("h", 1 if ":1" in url else 80)


def test_without_an_own_authority_java_trusts_what_it_brings(tmp_path: Path) -> None:
    """Flink's client requires a store."""
    options = FlinkAddress("https://h:1").client_options(tmp_path, SYSTEM_STORE)
    assert options["security.ssl.rest.truststore"] == str(SYSTEM_STORE)
    assert "security.ssl.rest.keystore" not in options


def test_each_job_manager_has_an_address_with_the_same_certificates(authority: Authority) -> None:
    """A cluster has one authority; its JobManagers differ in host and port."""
    address = FlinkAddress.of("https://a:1/, https://b:2", FlinkSettings(ca_file=authority.file))
    assert address == "https://a:1,https://b:2"
    assert [(part.host, part.port, part.tls) for part in address.each] == [
        ("a", 1, address.tls),
        ("b", 2, address.tls),
    ]
