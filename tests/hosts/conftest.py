"""One cluster for all tests: a service a host, TLS between them, links that are slow and lossy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from spaf.settings import FlinkSettings
from spaf.stack import postgres
from spaf.stack.process import wait_until
from tests.hosts import network
from tests.hosts.network import Host, Network
from tests.support.secure import Authority

BROKERS = ("kafka-1", "kafka-2", "kafka-3")
# One slot each, and one more than the tasks of the job: it takes over from one that is cut off.
TASK_MANAGERS = ("taskmanager-1", "taskmanager-2", "taskmanager-3")
JOB_MANAGER, POSTGRES, PAGE = "jobmanager", "postgres", "page"
HOSTS = (*BROKERS, JOB_MANAGER, *TASK_MANAGERS, POSTGRES, PAGE)
# Names that lead to a host and are in no certificate.
ALIASES = {"other-kafka": "kafka-1", "other-flink": JOB_MANAGER, "other-postgres": POSTGRES}
PARTITIONS, TASKS = 3, 2
# Silence after which Flink gives up a process, seconds: while seven JVMs start on two cores, one
# may be silent for the usual 8.
HEARTBEAT_TIMEOUT_S = 15
# All services start at once, on few cores, seconds.
START_TIMEOUT_S = 150.0
COMMAND_TIMEOUT_S = 120.0
SPAF = Path(sys.executable).with_name("spaf")


@dataclass
class Cluster:
    """The hosts, and what a person types on each."""

    network: Network
    folder: Path
    authority: Authority
    services: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, host: Host) -> dict[str, str]:
        """Return the settings of a host, as variables; all hosts have nearly the same."""
        cert, key = (self.authority.folder / f"{host.name}.{end}" for end in ("pem", "key"))
        files = {"CA_FILE": self.authority.file, "CERT_FILE": cert, "KEY_FILE": key}
        brokers = enumerate(BROKERS, start=1)
        chosen: dict[str, object] = {
            "HOME": self.folder / host.name,
            # The page has no roles here, so only its own host may reach it.
            "SERVICE__BIND": "127.0.0.1" if host.name == PAGE else host.address,
            "SERVICE__HOST": host.name,
            "SERVICE__SECRETS_FILE": self.folder / "secrets.json",
            "KAFKA__CONTROLLERS": ",".join(f"{number}@{name}:9093" for number, name in brokers),
            "KAFKA__BOOTSTRAP_SERVERS": ",".join(f"{name}:9092" for name in BROKERS),
            "KAFKA__SECURITY_PROTOCOL": "SSL",
            "KAFKA__PARTITIONS": PARTITIONS,
            "KAFKA__REPLICATION": 3,
            "KAFKA__MIN_INSYNC": 2,
            "FLINK__REST_URL": f"https://{JOB_MANAGER}:8081",
            "FLINK__JOBMANAGER": JOB_MANAGER,
            "FLINK__SLOTS": 1,
            "FLINK__TASK_HEAP_MIB": 192,
            "FLINK__SECOND_COMPILER": "false",
            "FLINK__HEARTBEAT_TIMEOUT_S": HEARTBEAT_TIMEOUT_S,
            "POSTGRES__HOST": POSTGRES,
            "POSTGRES__CA_FILE": self.authority.file,
            "JOB__PARALLELISM": TASKS,
            "JOB__CHECKPOINT_MS": 2_000,
            "JOB__DEDUPLICATE_MINUTES": 1_440,
        }
        for section in ("SERVICE", "KAFKA", "FLINK"):
            chosen |= {f"{section}__{name}": file for name, file in files.items()}
        if "checkpoints" in FlinkSettings.model_fields:
            chosen["FLINK__CHECKPOINTS"] = (self.folder / "checkpoints").as_uri()
        if host.name in BROKERS:
            chosen["KAFKA__NODE_ID"] = BROKERS.index(host.name) + 1
        settings = {f"SPAF_{name}": str(value) for name, value in chosen.items()}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **settings}

    def spaf(
        self, *arguments: str, on: str = PAGE, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of SPAF on a host to its end; `changes` are other values of settings."""
        return self.program([str(SPAF), *arguments], on, changes)

    def client(self, verb: str) -> Any:
        """Run the tests' own client of the topic on the host of the page; return what it prints."""
        done = self.program([sys.executable, str(Path(__file__).with_name("client.py")), verb])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def program(
        self, argv: list[str], on: str = PAGE, changes: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on a host to its end."""
        host = self.network[on]
        environment = {**self.environment(host), **(changes or {})}
        return host.run(argv, environment, self.folder, COMMAND_TIMEOUT_S)

    def start(self, name: str, service: str) -> None:
        """Start `spaf service SERVICE` on a host."""
        host = self.network[name]
        argv = [str(SPAF), "service", service]
        self.services[name] = self.network.start(
            host, argv, self.environment(host), self.folder, self.log(name)
        )

    def background(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of SPAF on the host of the page."""
        host = self.network[PAGE]
        argv = [str(SPAF), *arguments]
        return self.network.start(
            host, argv, self.environment(host), self.folder, self.log("command")
        )

    def wait_healthy(self, name: str, service: str) -> None:
        """Wait until a service is ready, as its host sees it."""

        def settled() -> bool:
            ended = self.services[name].poll() is not None
            return ended or self.spaf("service", service, "--healthy", on=name).returncode == 0

        assert wait_until(settled, START_TIMEOUT_S, poll=1.0), self.tail(name)
        assert self.services[name].poll() is None, self.tail(name)

    def tail(self, name: str) -> str:
        """Return the end of the output of a host."""
        return f"{name}: {self.log(name).read_text()[-3_000:]}"

    def log(self, name: str) -> Path:
        """Return the output of a host."""
        return self.folder / f"{name}.log"


# Of the module: nine hosts would take the processors from the containers that are tested next.
@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Lay SPAF over hosts, and remove every trace at the end."""
    reason = network.missing()
    if reason:
        pytest.skip(reason)
    network.remove_leftovers()
    # PostgreSQL runs under another account, which must be able to enter the folders.
    folder = Path(tempfile.mkdtemp(prefix="spaf-hosts-", dir="/var/tmp"))
    folder.chmod(0o755)
    authority = Authority.create(folder / "certificates")
    for name in HOSTS:
        authority.issue(name, name)
    hosts = Network(HOSTS, ALIASES, folder)
    made = Cluster(hosts, folder, authority)
    try:
        hosts.make()
        _start(made)
        yield made
    finally:
        hosts.remove()
        postgres.remove(folder / POSTGRES / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def _start(cluster: Cluster) -> None:
    services = [
        (POSTGRES, "postgres"),
        *((name, "kafka") for name in BROKERS),
        (JOB_MANAGER, "jobmanager"),
        *((name, "taskmanager") for name in TASK_MANAGERS),
    ]
    for name, service in services:
        cluster.start(name, service)
    for name, service in services:
        cluster.wait_healthy(name, service)
    cluster.start(PAGE, "page")
    cluster.wait_healthy(PAGE, "page")
