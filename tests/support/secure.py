"""A Kafka and a PostgreSQL with TLS and logins, and a proxy with TLS: external servers."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import trustme
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from psycopg import sql

from spaf.settings import KafkaSettings
from spaf.stack import kafka, postgres, process
from spaf.stack.ports import any_free_port
from spaf.stack.process import ProcessIdentity, ServiceProcess, wait_until
from spaf.store.access import SSL_REQUEST
from spaf.tls import TlsFiles, key_bytes
from spaf.topic.admin import admin_client

PATIENCE_S = 60.0
# Quotes and backslashes must survive JAAS, SQL, URLs and connection strings.
SECRET = "ge\"he'im\\ %&=;"  # noqa: S105 - it opens what the test starts
USER, POOR, CERTIFIED = "sales", "poor", "certified"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
HBA = f"""\
hostssl all {CERTIFIED} 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Authority:
    """Writes certificates as PEM files."""

    folder: Path
    ca: trustme.CA

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Make an authority and its file."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder, trustme.CA())
        made.ca.cert_pem.write_to_path(str(made.file))
        return made

    @property
    def file(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.pem"

    def issue(self, name: str, *hosts: str, expired: bool = False) -> tuple[Path, Path]:
        """Write a certificate with its chain, and its key; return both files."""
        ends = LONG_AGO if expired else None
        begins = LONG_AGO - dt.timedelta(days=1) if expired else None
        names = hosts or (f"{name}@example.org",)
        issued = self.ca.issue_cert(*names, common_name=name, not_after=ends, not_before=begins)
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.touch(mode=0o600)
        key.write_bytes(issued.private_key_pem.bytes())
        return cert, key


@dataclass(frozen=True)
class SecureKafka:
    """The addresses of the broker: for the test, with SASL_SSL, and with client certificates."""

    plain: str
    sasl_ssl: str
    mutual: str


@contextlib.contextmanager
def secure_kafka(folder: Path, authority: Authority) -> Iterator[SecureKafka]:
    """Start a broker that knows USER and POOR, and gives POOR no right."""
    ports = [any_free_port() for _ in range(4)]
    plain, sasl_ssl, mutual, controller = (f"127.0.0.1:{port}" for port in ports)
    service = kafka.service(
        KafkaSettings(), folder, folder / "log", kafka.BrokerPorts(ports[0], ports[3])
    )
    store = folder / "server.pem"
    cert, key = authority.issue("broker", "127.0.0.1", "localhost")
    server = TlsFiles(cert=cert, key=key).private_key()
    assert server is not None
    # The authority writes keys as OpenSSL does, which Java cannot read.
    store.write_bytes(key_bytes(server, "PEM") + cert.read_bytes())
    listeners = f"PLAINTEXT://{plain},SASL_SSL://{sasl_ssl},SSL://{mutual}"
    quoted = SECRET.replace("\\", "\\\\").replace('"', '\\"')
    module = "org.apache.kafka.common.security"
    options = {
        "listeners": f"{listeners},CONTROLLER://{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": (
            f'{module}.plain.PlainLoginModule required user_{USER}="{quoted}";'
        ),
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": (
            f"{module}.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.ssl.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        "super.users": f"User:ANONYMOUS;User:{USER};User:{CERTIFIED}",
    }
    with (folder / kafka.CONFIG).open("a") as config:
        for name, value in options.items():
            config.write(f"{name}={value}\n".replace("\\", "\\\\"))
    with _running(service):
        changes: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(
                user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4_096), SECRET.encode()
            )
            for user in (USER, POOR)
        ]
        for change in admin_client(plain).alter_user_scram_credentials(changes).values():
            change.result(PATIENCE_S)
        yield SecureKafka(plain, sasl_ssl, mutual)


@contextlib.contextmanager
def secure_postgres(folder: Path, authority: Authority) -> Iterator[str]:
    """Start a server that admits TLS only; yield its address. POOR has no right but to connect.

    The PostgreSQL that SPAF installs has no TLS. If the machine has another one, that is started;
    CERTIFIED needs a certificate there. Otherwise a proxy adds TLS to SPAF's own.
    """
    port = any_free_port()
    paths = postgres.cluster_paths(folder)
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if programs:
        paths = replace(paths, install=programs[-1].parents[1])
    new = postgres.prepare(paths, SECRET)
    assert new is None or process.wait_until(new.created, 60)
    service = postgres.service(paths, folder.parent / "postgres.log", port, SECRET)
    if programs:
        (paths.data / "pg_hba.conf").write_text(HBA)
        cert, key = authority.issue("database", "127.0.0.1")
        for file, name in ((cert, "server.crt"), (key, "server.key"), (authority.file, "root.crt")):
            shutil.copyfile(file, paths.data / name)
            (paths.data / name).chmod(0o600)
            if paths.user:
                shutil.chown(paths.data / name, paths.user)
        service = replace(service, argv=[*service.argv, "-cssl=on", "-cssl_ca_file=root.crt"])
    try:
        with _running(service):
            _create_users(port)
            if programs:
                yield f"127.0.0.1:{port}"
            else:
                with tls_proxy(port, authority, ssl.CERT_OPTIONAL, SSL_REQUEST) as address:
                    yield address
    finally:
        postgres.remove(folder)


def _create_users(port: int) -> None:
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", password=SECRET, autocommit=True
    ) as connection:
        for user in (USER, POOR, CERTIFIED):
            create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(create.format(sql.Identifier(user), sql.Literal(SECRET)))
        for user in (USER, CERTIFIED):
            grant = sql.SQL("GRANT CREATE ON DATABASE postgres TO {}")
            connection.execute(grant.format(sql.Identifier(user)))


@contextlib.contextmanager
def tls_proxy(
    port: int,
    authority: Authority,
    clients: ssl.VerifyMode = ssl.CERT_REQUIRED,
    preface: bytes = b"",
) -> Iterator[str]:
    """Put TLS in front of a port; yield its address.

    Args:
        port: where the server is.
        authority: certifies the proxy and its clients.
        clients: whether they need a certificate.
        preface: with which a client asks for TLS; the answer is `S`.

    """
    cert, key = authority.issue("proxy", "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.load_cert_chain(cert, key)
    context.verify_mode = clients

    def forward(near: socket.socket) -> None:
        with contextlib.suppress(OSError), near:
            near.settimeout(PATIENCE_S)
            if preface:
                if near.recv(len(preface)) != preface:
                    return
                near.sendall(b"S")
            with (
                context.wrap_socket(near, server_side=True) as secured,
                socket.create_connection(("127.0.0.1", port), PATIENCE_S) as far,
            ):
                back = threading.Thread(target=_copy, args=(far, secured), daemon=True)
                back.start()
                _copy(secured, far)
                back.join()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=forward, args=(near,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _running(service: ServiceProcess) -> Iterator[None]:
    child = process.start(service)
    try:
        assert wait_until(service.ready, PATIENCE_S), process.log_tail(service.log)
        yield
    finally:
        identity = ProcessIdentity.of(child.pid)
        assert identity is not None
        process.stop(identity, service.stop_signal, service.stop_timeout_s)
        child.wait(PATIENCE_S)
