"""Checks of what surrounds a command: variables, settings, ports, services of the user's own."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import psutil

from spaf.environment import SETTINGS_PREFIX, ignored_variables
from spaf.job.flink_address import FlinkAddress
from spaf.job.flink_client import FlinkClient
from spaf.settings import SETTINGS_FILE
from spaf.stack import zookeeper
from spaf.stack.doctor.finding import Finding, Subject, ok, warn
from spaf.stack.ports import is_free
from spaf.stack.service_names import JOBMANAGER, KAFKA, LOCUST, POSTGRES, SERVE
from spaf.store.access import Access, Role
from spaf.topic.admin import require_broker
from spaf.topic.security import KafkaAddress

# Ignored variables that would have changed a run, by what they are about.
MEANINGS = {
    "proxy": r".*_proxy",
    "Java": r"_JAVA_OPTIONS|JAVA_.*|JDK_.*|CLASSPATH|JVM_ARGS",
    "Kafka, Flink and Hadoop": r"(KAFKA|FLINK|PYFLINK|HADOOP|LOG4J)_.*",
    "PostgreSQL": r"PG.*",
    "Python": r"PYTHON.*",
    "Locust": r"LOCUST_.*",
    "the dynamic loader": r"LD_.*",
    "certificates": r"SSL.*|OPENSSL_.*|.*_CA_BUNDLE",
    "language and time zone": r"LC_.*|LANG|LANGUAGE|TZ|TZDIR",
}


def settings_source(_: Subject) -> Iterator[Finding]:
    """Yield where the settings come from; they have been read."""
    names = sorted(name for name in os.environ if name.upper().startswith(SETTINGS_PREFIX))
    file = f"{SETTINGS_FILE.absolute()}" if SETTINGS_FILE.exists() else f"no {SETTINGS_FILE}"
    yield ok(f"settings: {file}; variables: {', '.join(names) or 'none'}")


def variables(_: Subject) -> Iterator[Finding]:
    """Yield which variables of the shell have no effect on SPAF."""
    ignored = ignored_variables()
    for about, pattern in MEANINGS.items():
        names = [name for name in ignored if re.fullmatch(pattern, name, re.IGNORECASE)]
        if names:
            yield ok(f"ignored, about {about}: {', '.join(names)}")
    yield ok(f"{len(ignored)} variables of the shell are ignored")


def ports(subject: Subject) -> Iterator[Finding]:
    """Look at each port that the next start would use."""
    if subject.run is not None:
        used = (f"{name} {s.address}" for name, s in subject.run.services.items() if s.address)
        yield ok(f"ports: {', '.join(used)}")
        return
    chosen = subject.settings
    wanted = {LOCUST: chosen.locust.port, SERVE: chosen.serve.port}
    if chosen.kafka.bootstrap_servers is None:
        wanted[KAFKA] = chosen.kafka.port
    if not chosen.postgres.elsewhere:
        wanted[POSTGRES] = chosen.postgres.port
    if chosen.flink.rest_url is None:
        wanted[JOBMANAGER] = chosen.flink.port
    taken = {name: port for name, port in wanted.items() if not is_free(port)}
    for name, port in taken.items():
        yield warn(
            f"Port {port} of {name} is taken{_holder(port)}; the next free one is used.",
            f"Nothing, or set SPAF_{'FLINK' if name == JOBMANAGER else name.upper()}__PORT.",
        )
    if not taken:
        yield ok(f"ports are free: {', '.join(map(str, wanted.values()))}")


def external_kafka(subject: Subject) -> Iterator[Finding]:
    """Connect to the Kafka that the settings name."""
    chosen = subject.settings.kafka
    if chosen.bootstrap_servers is not None:
        require_broker(KafkaAddress.of(chosen.bootstrap_servers, chosen))
        yield ok(f"Kafka at {chosen.bootstrap_servers} answers")


def external_flink(subject: Subject) -> Iterator[Finding]:
    """Connect to the Flink that the settings name."""
    chosen = subject.settings.flink
    if chosen.rest_url is not None:
        address = FlinkAddress.of(chosen.rest_url, chosen)
        with contextlib.closing(FlinkClient(address)) as client:
            version = client.get("/config")["flink-version"]
        yield ok(f"Flink {version} at {client.url} answers")


def external_zookeeper(subject: Subject) -> Iterator[Finding]:
    """Connect to the ZooKeeper that the settings name."""
    named = subject.settings.flink.zookeeper
    for address in () if named is None else named.split(","):
        if zookeeper.serves(address):
            yield ok(f"ZooKeeper at {address} answers")
        else:
            yield warn(
                f"ZooKeeper at {address} does not answer.",
                "Start it, or correct SPAF_FLINK__ZOOKEEPER; a majority of them must answer.",
            )


def external_postgres(subject: Subject) -> Iterator[Finding]:
    """Connect to the PostgreSQL that the settings name."""
    chosen = subject.settings.postgres
    if chosen.external:
        access = Access.of(chosen)
    elif chosen.host is None:
        return
    elif subject.home.secrets.exists():
        access = subject.home.access(chosen, chosen.host, chosen.port)
    else:
        yield warn(
            f"PostgreSQL at {chosen.host}:{chosen.port}: its passwords are not here yet",
            "Nothing: `spaf service page` links service.secrets_file into the run folder.",
        )
        return
    with access.session(Role.OWNER) as connection:
        version = connection.info.server_version // 10_000
    user, _ = access.credentials(Role.OWNER)
    yield ok(f"PostgreSQL {version} at {access.host}:{access.port} accepts {user}")


def _holder(port: int) -> str:
    """Return who listens on a port, as far as this account may see it."""
    try:
        connections = psutil.net_connections(kind="tcp")
        pids = [c.pid for c in connections if c.laddr and c.laddr.port == port and c.pid]
        return f" by {psutil.Process(pids[0]).name()} (pid {pids[0]})" if pids else ""
    except psutil.Error:
        return ""
