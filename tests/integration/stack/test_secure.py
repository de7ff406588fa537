"""A run whose Kafka, Flink and PostgreSQL demand TLS, logins and client certificates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from spaf import clock
from spaf.bench.run.load import Load, offered
from spaf.bench.run.verdict import verify
from spaf.errors import SpafError
from spaf.job.flink_address import FlinkAddress
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, KafkaSettings, PostgresSettings
from spaf.stack import control
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.stack.service_names import QUARANTINE, SERVE
from spaf.store.access import Access
from spaf.store.migrate import migrate
from spaf.tls import TlsFiles, key_bytes
from spaf.topic import admin
from spaf.topic.security import KafkaAddress
from tests.support.secure import (
    CERTIFIED,
    POOR,
    SECRET,
    USER,
    Authority,
    SecureKafka,
    secure_kafka,
    secure_postgres,
    tls_proxy,
)

PATIENCE_S = 60.0
# All of them at once, on a busy machine.
REFUSED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Servers:
    """The three servers, who certifies them, and another authority."""

    kafka: SecureKafka
    postgres: str
    flink: str
    authority: Authority
    stranger: Authority
    client: tuple[Path, Path]
    home: Path

    def kafka_settings(self, **changes: object) -> KafkaSettings:
        """Return settings with SASL_SSL that are right but for the changes."""
        right: dict[str, object] = {
            "bootstrap_servers": self.kafka.sasl_ssl,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-256",
            "username": USER,
            "password": SecretStr(SECRET),
            "ca_file": self.authority.file,
        }
        return KafkaSettings.model_validate(right | changes)

    def dsn(self, user: str = USER, **options: object) -> str:
        """Return a connection string that is right but for the options."""
        right = {"sslmode": "verify-full", "sslrootcert": self.authority.file}
        chosen = "&".join(f"{k}={quote(str(v), safe='')}" for k, v in (right | options).items())
        return f"postgresql://{user}:{quote(SECRET, safe='')}@{self.postgres}/postgres?{chosen}"


@pytest.fixture(scope="module")
def servers(stack: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start a Kafka and a PostgreSQL, and put TLS in front of the Flink of the other tests."""
    folder = tmp_path_factory.mktemp("servers of others")
    authority = Authority.create(folder / "authority")
    with ExitStack() as running:
        yield Servers(
            running.enter_context(secure_kafka(folder / "kafka", authority)),
            running.enter_context(secure_postgres(folder / "postgres", authority)),
            running.enter_context(tls_proxy(FlinkAddress(stack.flink).port, authority)),
            authority,
            Authority.create(folder / "stranger"),
            authority.issue(CERTIFIED),
            folder,
        )


def test_a_run_over_tls_logins_and_client_certificates_is_exact(
    stack: Run, servers: Servers, tmp_path: Path
) -> None:
    """Up, sales from Locust, verify; no secret on any command line or in any file of the run."""
    cert, key = servers.client
    # With an external Flink the driver of the sink reads the file itself.
    pkcs8 = servers.home / "client.pem"
    pkcs8.touch(mode=0o600)
    own = TlsFiles(key=key).private_key()
    assert own is not None
    pkcs8.write_bytes(key_bytes(own, "PEM"))
    password = servers.home / "password"
    password.touch(mode=0o600)
    password.write_text(f"{SECRET}\n")
    settings = stack.settings.model_copy(
        update={
            "home": tmp_path / "home",
            "kafka": servers.kafka_settings(password=None, password_file=password),
            "flink": FlinkSettings(
                rest_url=f"https://{servers.flink}",
                ca_file=servers.authority.file,
                cert_file=cert,
                key_file=key,
            ),
            "postgres": PostgresSettings(
                dsn=SecretStr(servers.dsn(CERTIFIED, sslcert=cert, sslkey=pkcs8)),
                schema_name="sales",
            ),
        }
    )
    try:
        run = Run(settings, control.up(settings, lambda _: None, end_with_us=True))
        load = Load(run, offered(run), rate=200, seconds=2)
        assert load.result().acked > 0
        assert verify(run).exact

        def ready() -> bool:
            services = run.state().services
            return all(services[name].state == "running" for name in (SERVE, QUARANTINE))

        assert wait_until(ready, PATIENCE_S), run.state()
        with closing(FlinkClient(run.flink)) as client:
            config = str(client.get(f"/jobs/{run.state().job.id}/config"))
        assert SECRET not in config
        for secret in (SECRET.encode(), b"PRIVATE KEY"):
            assert [f for f in run.home.folder.rglob("*") if _holds(f, secret)] == []
            assert [line for line in _command_lines() if secret in line] == []
    finally:
        control.down(settings)


def _holds(file: Path, secret: bytes) -> bool:
    return file.is_file() and secret in file.read_bytes()


def _command_lines() -> list[bytes]:
    lines = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                lines.append((folder / "cmdline").read_bytes())
            except OSError:
                continue
    return lines


KAFKA_REFUSALS: list[tuple[dict[str, object], str]] = [
    ({"password": SecretStr("wrong")}, "kafka.password"),
    ({"password": SecretStr("wrong"), "sasl_mechanism": "PLAIN"}, "kafka.password"),
    ({"username": "nobody"}, "kafka.username (nobody)"),
    ({"sasl_mechanism": "SCRAM-SHA-512"}, "kafka.sasl_mechanism = SCRAM-SHA-512"),
    ({"ca_file": None}, "correct kafka.ca_file"),
    ({"ca_file": "stranger"}, "correct kafka.ca_file = "),
    ({"bootstrap_servers": "other name"}, "use a name of it in kafka.bootstrap_servers"),
    ({"bootstrap_servers": "plain"}, "does not speak TLS"),
    ({"bootstrap_servers": "mutual", "security_protocol": "SSL"}, "set kafka.cert_file"),
    ({"security_protocol": "SSL"}, "kafka.security_protocol is SSL, set it to SASL_SSL"),
    ({"security_protocol": "PLAINTEXT"}, "kafka.security_protocol is PLAINTEXT, set it to SSL"),
    ({"security_protocol": "SASL_PLAINTEXT"}, "kafka.security_protocol is SASL_PLAINTEXT"),
    ({"username": POOR}, f"kafka.username ({POOR}) may not use the topic"),
]


def test_a_kafka_that_refuses_is_one_sentence_that_names_the_setting(
    servers: Servers, name: Callable[[str], str]
) -> None:
    """Password, mechanism, authority, host name, protocol, certificate, right: all at once."""
    values: dict[object, object] = {
        # Another way to write 127.0.0.1, which the certificate does not have.
        "other name": servers.kafka.sasl_ssl.replace("127.0.0.1", "127.1"),
        "plain": servers.kafka.plain,
        "mutual": servers.kafka.mutual,
        "stranger": servers.stranger.file,
    }

    def refusal(change: dict[str, object]) -> str:
        chosen = servers.kafka_settings(**{k: values.get(v, v) for k, v in change.items()})
        address = KafkaAddress.of(chosen.bootstrap_servers or "", chosen)
        return _refusal(lambda: admin.ensure_topic(address, name("t"), 1))

    _check(refusal, KAFKA_REFUSALS)


def test_a_kafka_group_without_the_right_is_named(
    servers: Servers, name: Callable[[str], str]
) -> None:
    """Before a commit would wait for a minute; the load tells it too."""
    owner = KafkaAddress.of(servers.kafka.sasl_ssl, servers.kafka_settings())
    poor = KafkaAddress.of(servers.kafka.sasl_ssl, servers.kafka_settings(username=POOR))
    topic = name("t")
    admin.ensure_topic(owner, topic, 1)
    assert "rights of kafka.username" in _refusal(lambda: admin.end_offsets(poor, topic))
    describe = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{POOR}",
        "*",
        AclOperation.DESCRIBE,
        AclPermissionType.ALLOW,
    )
    for future in admin.admin_client(owner).create_acls([describe]).values():
        future.result(PATIENCE_S)
    assert wait_until(lambda: _refusal(lambda: admin.end_offsets(poor, topic)) == "", PATIENCE_S)
    message = _refusal(lambda: admin.commit(poor, "spaf-job", topic, {0: 0}))
    assert f"kafka.username ({POOR}) may not use the consumer group" in message


POSTGRES_REFUSALS: list[tuple[dict[str, object], str]] = [
    ({"user": "nobody"}, "user nobody or the password; correct postgres.dsn"),
    ({"password": "wrong"}, "or the password; correct postgres.dsn or postgres.password"),
    ({"sslrootcert": "stranger"}, "not trusted; correct sslrootcert of postgres.dsn = "),
    ({"sslrootcert": "system"}, "not trusted; correct sslrootcert of postgres.dsn"),
    ({"sslrootcert": "/nowhere.pem"}, "sslrootcert of postgres.dsn = /nowhere.pem: No such file"),
    ({"host": "localhost"}, "use a name of it in postgres.dsn"),
    ({"dbname": "none"}, "no such database"),
    ({"sslcert": "stranger", "sslkey": "stranger"}, "sslcert"),
    ({"user": POOR}, "lacks a right (permission denied for"),
]


def test_a_postgresql_that_refuses_is_one_sentence_that_names_the_setting(
    servers: Servers, name: Callable[[str], str]
) -> None:
    """User, password, authority, file, host name, database, certificate, right: all at once."""
    cert, key = servers.stranger.issue("client")
    files = {
        "sslrootcert": {"stranger": servers.stranger.file},
        "sslcert": {"stranger": cert},
        "sslkey": {"stranger": key},
    }

    def refusal(change: dict[str, object]) -> str:
        known: dict[str, object] = {**conninfo_to_dict(servers.dsn())}
        chosen = {k: str(files.get(k, {}).get(str(v), v)) for k, v in (known | change).items()}
        access = Access.external(make_conninfo(**chosen), name("s"))
        return _refusal(lambda: migrate(access))

    _check(refusal, POSTGRES_REFUSALS)


def test_a_client_certificate_opens_postgresql(
    servers: Servers, name: Callable[[str], str]
) -> None:
    """As it opens Kafka and Flink."""
    cert, key = servers.client
    mutual = servers.kafka_settings(
        bootstrap_servers=servers.kafka.mutual,
        security_protocol="SSL",
        sasl_mechanism=None,
        cert_file=cert,
        key_file=key,
    )
    admin.ensure_topic(KafkaAddress.of(servers.kafka.mutual, mutual), name("t"), 1)
    access = Access.external(servers.dsn(CERTIFIED, sslcert=cert, sslkey=key), name("s"))
    assert migrate(access)
    bare = FlinkAddress.of(
        f"https://{servers.flink}", FlinkSettings(ca_file=servers.authority.file)
    )
    with closing(FlinkClient(bare)) as client:
        message = _refusal(lambda: client.get("/overview"))
    assert "requires a client certificate; set flink.cert_file and flink.key_file" in message


def _refusal(attempt: Callable[[], object]) -> str:
    """Return what an attempt is refused with; empty if it is not."""
    began = clock.monotonic()
    message = ""
    try:
        attempt()
    except SpafError as error:
        message = error.line
    assert clock.monotonic() - began < REFUSED_WITHIN_S
    assert SECRET not in message
    assert "\n" not in message
    return message


def _check(
    refusal: Callable[[dict[str, object]], str], cases: list[tuple[dict[str, object], str]]
) -> None:
    with ThreadPoolExecutor(len(cases)) as pool:
        found = list(pool.map(refusal, [change for change, _ in cases]))
    wrong = [
        (c, message)
        for (c, words), message in zip(cases, found, strict=True)
        if words not in message
    ]
    assert wrong == []
