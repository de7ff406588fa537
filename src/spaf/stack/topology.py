"""The services of a run, and the addresses of all of them, started by SPAF or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import httpx
import msgspec

from spaf.generate.locust.command import LoadSpec, page_command
from spaf.generate.shop.assortment import ShopSize
from spaf.job.flink_address import FlinkAddress
from spaf.serve.web.page_options import PageOptions
from spaf.settings import Settings, environment
from spaf.stack import flink, kafka, postgres, zookeeper
from spaf.stack.listen_address import ListenAddress
from spaf.stack.ports import LOOPBACK, PortReservations
from spaf.stack.process import ServiceProcess, module_command
from spaf.stack.quarantine_process import is_ready
from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    LOCUST,
    POSTGRES,
    QUARANTINE,
    SERVE,
    STANDBY,
    ZOOKEEPER,
)
from spaf.stack.state import SUPERUSER_SECRET, RunFolder
from spaf.store.access import Access
from spaf.tls import no_authorities
from spaf.topic.security import KafkaAddress

# The rate that Locust's page shows before a person changes it: that of the brief.
FIRST_RATE = 100.0


@dataclass
class Topology:
    """What to start, in this order, and where everything is."""

    kafka: str
    flink: str
    access: Access
    services: list[ServiceProcess] = field(default_factory=list)
    # Addresses of the services that SPAF does not start.
    external: dict[str, str] = field(default_factory=dict)
    # Ports that services listen at themselves; a proxy may stand before them.
    own_ports: dict[str, int] = field(default_factory=dict)
    # Ports that were taken.
    notes: list[str] = field(default_factory=list)
    ports: PortReservations = field(default_factory=PortReservations)


def make(
    settings: Settings, home: RunFolder, page_at: ListenAddress = kafka.ON_LOOPBACK
) -> Topology:
    """Choose the addresses; of the services only the page is there, which shows the start.

    Args:
        settings: of the run.
        home: its folder.
        page_at: where the page listens.

    Raises:
        StoreError: the connection string of an external PostgreSQL cannot be read.

    """
    ports = _Ports(PortReservations(), [])
    page = _serve(settings, home, ports, page_at)
    own_ports = _own_ports(settings, ports)
    kafka_at, flink_at, access = _addresses(settings, home, own_ports)
    if POSTGRES in own_ports:
        access = replace(access, waiting_port=ports.reservations.reserve())
    topology = Topology(
        kafka_at,
        flink_at,
        access,
        [page],
        own_ports=own_ports,
        notes=ports.notes,
        ports=ports.reservations,
    )
    access = topology.access
    if settings.kafka.bootstrap_servers is not None:
        topology.external[KAFKA] = str(topology.kafka)
    if settings.postgres.elsewhere:
        topology.external[POSTGRES] = f"{access.host}:{access.port}"
    if settings.flink.rest_url is not None:
        topology.external[JOBMANAGER] = str(topology.flink)
    elif settings.flink.zookeeper is not None:
        topology.external[ZOOKEEPER] = settings.flink.zookeeper
    if settings.locust.url is not None:
        topology.external[LOCUST] = str(settings.locust.url).rstrip("/")
    return topology


def prepare(topology: Topology, settings: Settings, home: RunFolder) -> list[ServiceProcess]:
    """Prepare each other service that SPAF starts, and return them; new folders take seconds.

    Raises:
        ServiceError: a service could not be prepared.

    """
    before = len(topology.services)
    if KAFKA not in topology.external:
        _add_kafka(topology, settings, home)
    if POSTGRES not in topology.external:
        _add_postgres(topology, home)
    if JOBMANAGER not in topology.external:
        _add_flink(topology, settings, home)
    if LOCUST not in topology.external:
        ports = _Ports(topology.ports, topology.notes)
        port = ports.assign(LOCUST, settings.locust.port)
        topology.services.append(locust_service(settings, home, topology.kafka, port))
    topology.services.append(_quarantine(settings, home))
    return topology.services[before:]


class _Ports:
    """Assigns ports, and notes each one that was taken."""

    def __init__(self, reservations: PortReservations, notes: list[str]) -> None:
        self.reservations = reservations
        self.notes = notes

    def assign(self, name: str, wanted: int) -> int:
        port = self.reservations.reserve(wanted)
        if port != wanted:
            self.notes.append(f"port {wanted} is taken; {name} uses {port}")
        return port


def _own_ports(settings: Settings, ports: _Ports) -> dict[str, int]:
    """Choose the ports of the servers that SPAF starts."""
    chosen = {}
    if settings.kafka.bootstrap_servers is None:
        chosen[KAFKA] = ports.assign(KAFKA, settings.kafka.port)
    if settings.flink.rest_url is None:
        chosen[JOBMANAGER] = ports.assign("flink", settings.flink.port)
        if settings.flink.high_availability != "none":
            chosen[STANDBY] = ports.reservations.reserve(chosen[JOBMANAGER] + 1)
            if settings.flink.zookeeper is None:
                chosen[ZOOKEEPER] = ports.assign(ZOOKEEPER, settings.flink.zookeeper_port)
    if not settings.postgres.elsewhere:
        chosen[POSTGRES] = ports.assign(POSTGRES, settings.postgres.port)
    return chosen


def _addresses(
    settings: Settings, home: RunFolder, own_ports: dict[str, int]
) -> tuple[str, str, Access]:
    """Return where clients connect to: to a proxy where there is one."""
    proxy = settings.proxy
    bootstrap = settings.kafka.bootstrap_servers
    if bootstrap is None:
        bootstrap = f"{LOOPBACK}:{proxy.kafka or own_ports[KAFKA]}"
    if settings.flink.rest_url is None:
        jobmanagers = (proxy.flink or own_ports[JOBMANAGER], own_ports.get(STANDBY))
        rest_url = ",".join(f"http://{LOOPBACK}:{port}" for port in jobmanagers if port)
    else:
        rest_url = settings.flink.rest_url
    port = proxy.postgres or own_ports.get(POSTGRES, settings.postgres.port)
    kafka = KafkaAddress.of(bootstrap, settings.kafka)
    rest = FlinkAddress.of(rest_url, settings.flink)
    return kafka, rest, home.access(settings.postgres, settings.postgres.host or LOOPBACK, port)


def _add_kafka(topology: Topology, settings: Settings, home: RunFolder) -> None:
    log = home.logs / f"{KAFKA}.log"
    own, controller = topology.own_ports[KAFKA], topology.ports.reserve()
    ports = kafka.BrokerPorts(own, controller, settings.proxy.kafka)
    topology.services.append(kafka.service(settings.kafka, home.kafka, log, ports))


def _add_flink(topology: Topology, settings: Settings, home: RunFolder) -> None:
    """Add JobManager and TaskManagers, and with high availability what that needs."""
    proxy, ports, chosen = settings.proxy, topology.ports, settings.flink
    rpc = ports.reserve(proxy.rpc_target)
    first = flink.JobManagerPorts(topology.own_ports[JOBMANAGER], rpc, proxy.rpc)
    if chosen.high_availability == "none":
        topology.services += flink.services(chosen, home, first)
        return
    quorum = chosen.zookeeper
    port = topology.own_ports.get(ZOOKEEPER)
    shared = zookeeper.begin(chosen, home, quorum or f"{LOOPBACK}:{port}")
    if port is not None:
        log = home.logs / f"{ZOOKEEPER}.log"
        topology.services.append(zookeeper.service(home, log, port))
    standby = flink.JobManagerPorts(topology.own_ports[STANDBY], ports.reserve())
    topology.services += flink.services(chosen, home, first, shared, standby)


def _add_postgres(topology: Topology, home: RunFolder) -> None:
    paths = postgres.cluster_paths(home.postgres)
    password = home.passwords()[SUPERUSER_SECRET]
    new = postgres.prepare(paths, password)
    if new is not None:
        # The tables are empty: a job that resumed would not count again what it had counted.
        home.delete_checkpoints()
    log = home.logs / f"{POSTGRES}.log"
    port = topology.own_ports[POSTGRES]
    topology.services.append(postgres.service(paths, log, port, password, new))


def locust_service(
    settings: Settings,
    home: RunFolder,
    bootstrap: str,
    port: int,
    address: ListenAddress = kafka.ON_LOOPBACK,
) -> ServiceProcess:
    """Return how to run Locust with its page; it ends at once if the topic is missing."""
    argv = page_command(
        sales(settings, bootstrap, home),
        port=port,
        rate=FIRST_RATE,
        autostart=False,
        bind=address.bind,
    )
    return ServiceProcess(
        name=LOCUST,
        argv=[*argv, "--result", str(home.runs / "page.json")],
        address=f"http://{address.at(port)}",
        log=home.logs / f"{LOCUST}.log",
        # It logs in to Kafka as the settings say.
        env=environment(settings),
        # Locust reads its options from files of its working directory too.
        cwd=home.runs,
        ready=lambda: answers(f"http://{address.locally_at(port)}/"),
        goes_first=True,
    )


def _serve(
    settings: Settings, home: RunFolder, ports: _Ports, page_at: ListenAddress
) -> ServiceProcess:
    port = ports.assign(SERVE, settings.serve.port)
    # At loopback it listens in any case.
    address = f"http://{LOOPBACK}:{port}"
    options = msgspec.json.encode(PageOptions.of(settings.serve, page_at.bind)).decode()
    return ServiceProcess(
        name=SERVE,
        # It reads the settings only once the run is up, when it attaches as every command does.
        argv=module_command("spaf.stack.page_process", str(home.folder), str(port), options),
        env=environment(settings),
        address=address,
        log=home.logs / f"{SERVE}.log",
        ready=lambda: answers(f"{address}/healthz"),
    )


def _quarantine(settings: Settings, home: RunFolder) -> ServiceProcess:
    return ServiceProcess(
        name=QUARANTINE,
        # The process attaches to the run, as every command does.
        argv=module_command("spaf.stack.quarantine_process"),
        env=environment(settings),
        # It has no port.
        address=LOOPBACK,
        log=home.logs / f"{QUARANTINE}.log",
        ready=lambda: is_ready(home),
    )


def sales(settings: Settings, bootstrap: str, home: RunFolder) -> LoadSpec:
    """Return what the load generator sells, and to which topic."""
    return LoadSpec(
        bootstrap=bootstrap,
        topic=settings.kafka.topic,
        seed=settings.generate.seed,
        currencies=settings.generate.currencies,
        anomaly_rate=settings.generate.anomaly_rate,
        labels=home.runs / "labels.jsonl",
        episode_every_s=settings.generate.episode_every_s,
        shop=ShopSize.of(settings.generate),
    )


def answers(url: str) -> bool:
    """Return whether a web server answers with success."""
    try:
        return httpx.get(
            url, timeout=flink.REST_TIMEOUT_S, trust_env=False, verify=no_authorities()
        ).is_success
    except httpx.HTTPError:
        return False
