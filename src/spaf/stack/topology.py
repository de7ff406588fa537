"""Which services a run needs, and where each will be."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from spaf.generate.locust.command import LoadSpec, page_command
from spaf.settings import Settings
from spaf.stack import flink, kafka, postgres
from spaf.stack.ports import LOOPBACK, any_free_port, free_port
from spaf.stack.process import ServiceProcess
from spaf.stack.quarantine_process import QUARANTINE, is_watching
from spaf.stack.service_names import LOCUST, SERVE
from spaf.stack.state import RunFolder
from spaf.store.access import Access

# What Locust's page offers before a person changes it: the rate of the brief.
FIRST_RATE = 100.0


@dataclass
class Topology:
    """The services to start, and the addresses of all, ours or not."""

    kafka: str
    flink: str
    access: Access
    # Started when the job is on its way: until then it would only compete for the processors.
    load: ServiceProcess
    # Started when the job runs: before that there is nothing to explain.
    quarantine: ServiceProcess
    # Started with the load: there is nothing to show before.
    page: ServiceProcess
    services: list[ServiceProcess] = field(default_factory=list)
    external: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def make(settings: Settings, home: RunFolder) -> Topology:
    """Choose ports and prepare what each service of ours needs.

    Raises:
        ServiceError: a service could not be prepared.
        StoreError: the connection string of an external PostgreSQL cannot be read.

    """
    ports = _Ports()
    bootstrap, rest_url, access = _addresses(settings, home, ports)
    load = _locust(settings, home, bootstrap, ports)
    page = _serve(settings, home, ports)
    plan = Topology(bootstrap, rest_url, access, load, _quarantine(home), page)
    plan.notes = ports.notes
    if settings.kafka.bootstrap_servers is None:
        port = int(plan.kafka.rpartition(":")[2])
        log = home.logs / "kafka.log"
        plan.services.append(kafka.service(settings.kafka, home.kafka, log, port, any_free_port()))
    else:
        plan.external[kafka.NAME] = plan.kafka
    if settings.postgres.dsn is None:
        plan.services.append(_postgres(home, plan.access.port))
    else:
        plan.external[postgres.NAME] = f"{plan.access.host}:{plan.access.port}"
    if settings.flink.rest_url is None:
        rest = int(plan.flink.rpartition(":")[2])
        where = flink.JobManagerPorts(rest, any_free_port())
        plan.services += flink.services(settings.flink, home.flink, home.logs, where)
    else:
        plan.external[flink.JOBMANAGER] = plan.flink
    return plan


class _Ports:
    """Hands out ports and notes each that was taken."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        self.notes: list[str] = []

    def take(self, name: str, wanted: int) -> int:
        port = free_port(wanted, taken=self._given)
        if port != wanted:
            self.notes.append(f"port {wanted} is taken; {name} uses {port}")
        return port


def _addresses(settings: Settings, home: RunFolder, ports: _Ports) -> tuple[str, str, Access]:
    bootstrap = settings.kafka.bootstrap_servers
    if bootstrap is None:
        bootstrap = f"{LOOPBACK}:{ports.take('kafka', settings.kafka.port)}"
    if settings.flink.rest_url is None:
        rest = f"http://{LOOPBACK}:{ports.take('flink', settings.flink.port)}"
    else:
        rest = str(settings.flink.rest_url).rstrip("/")
    schema = settings.postgres.schema_name
    if settings.postgres.dsn is not None:
        access = Access.external(settings.postgres.dsn.get_secret_value(), schema)
    else:
        port = ports.take("postgres", settings.postgres.port)
        roles = {k: v for k, v in home.passwords().items() if k != "superuser"}
        access = Access.own(LOOPBACK, port, schema, roles)
    return bootstrap, rest, access


def _postgres(home: RunFolder, port: int) -> ServiceProcess:
    place = postgres.place(home.postgres)
    password = home.passwords()["superuser"]
    postgres.prepare(place, password)
    return postgres.service(place, home.logs / "postgres.log", port, password)


def _locust(settings: Settings, home: RunFolder, bootstrap: str, ports: _Ports) -> ServiceProcess:
    port = ports.take(LOCUST, settings.locust.port)
    argv = page_command(
        sales(settings, bootstrap, home), port=port, rate=FIRST_RATE, autostart=False
    )
    return ServiceProcess(
        name=LOCUST,
        argv=[*argv, "--result", str(home.runs / "page.json")],
        address=f"http://{LOOPBACK}:{port}",
        log=home.logs / "locust.log",
        ready=lambda: answers(f"http://{LOOPBACK}:{port}/"),
    )


def _quarantine(home: RunFolder) -> ServiceProcess:
    return ServiceProcess(
        name=QUARANTINE,
        # It finds addresses and passwords in the run folder, as every command does.
        argv=[sys.executable, "-P", "-m", "spaf.stack.quarantine_process"],
        # It listens nowhere.
        address=LOOPBACK,
        log=home.logs / f"{QUARANTINE}.log",
        ready=lambda: is_watching(home),
    )


def _serve(settings: Settings, home: RunFolder, ports: _Ports) -> ServiceProcess:
    port = ports.take(SERVE, settings.serve.port)
    return ServiceProcess(
        name=SERVE,
        # It finds addresses and passwords in the run folder, as every command does.
        argv=[sys.executable, "-P", "-m", "spaf.stack.page_process", str(port)],
        address=f"http://{LOOPBACK}:{port}",
        log=home.logs / f"{SERVE}.log",
        ready=lambda: answers(f"http://{LOOPBACK}:{port}/healthz"),
    )


def sales(settings: Settings, bootstrap: str, home: RunFolder) -> LoadSpec:
    """Return what the load generator sells, and where to."""
    return LoadSpec(
        bootstrap=bootstrap,
        topic=settings.kafka.topic,
        seed=settings.generate.seed,
        currencies=settings.generate.currencies,
        anomaly_rate=settings.generate.anomaly_rate,
        labels=home.runs / "labels.jsonl",
        episode_every_s=settings.generate.episode_every_s,
    )


def answers(url: str) -> bool:
    """Say whether a web server answers."""
    import httpx  # noqa: PLC0415 - one use

    try:
        return httpx.get(url, timeout=flink.REST_TIMEOUT_S).is_success
    except httpx.HTTPError:
        return False
