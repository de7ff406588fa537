"""Faults of the network between two parts of a run, made by proxies of our own.

Clients reach each server of the run at the port of a proxy (`spaf.settings.ProxySettings`).
The proxy passes every client's connections on; which client one belongs to is known from the
process that holds its other end. So a fault hits one link, such as that of the job to Kafka, and
needs neither root nor a kernel with `netem`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

import psutil

from spaf.chaos.fault import Fault, FaultKind, Scene, Surroundings
from spaf.chaos.tcp_proxy import Impairment, ProxyLoop, TcpProxy
from spaf.errors import StackError
from spaf.settings import ProxySettings, Settings
from spaf.stack import process
from spaf.stack.ports import any_free_port
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    POSTGRES,
    QUARANTINE,
    SERVE,
    SUPERVISOR,
    TASKMANAGER,
)

# Joins client and server into one target.
LINK = ":"
# The process that sends the sales of a drill, as `spaf.bench.run.load` calls it.
LOAD = "load"
# The JobManager has two ports: TaskManagers use that of RPC, all others that of REST.
RPC = "rpc"
CLIENTS = {
    KAFKA: (TASKMANAGER, JOBMANAGER, LOAD, SERVE, QUARANTINE, SUPERVISOR),
    POSTGRES: (TASKMANAGER, SERVE, QUARANTINE, SUPERVISOR),
    JOBMANAGER: (TASKMANAGER, SERVE, SUPERVISOR),
}
LINKS = tuple(
    f"{client}{LINK}{server}" for server, clients in CLIENTS.items() for client in clients
)


class NetworkProxies(Surroundings):
    """A proxy before each server that SPAF starts."""

    def __init__(self) -> None:
        """Prepare; nothing listens yet."""
        self._loop = ProxyLoop()
        self._proxies: dict[str, TcpProxy] = {}

    def open(self, settings: Settings) -> Settings:
        """Listen, and return the settings with the ports of servers and proxies.

        Raises:
            OSError: no port is free.

        """
        self._loop.start()
        targets = {}
        for server in (KAFKA, POSTGRES, JOBMANAGER, RPC):
            targets[server] = any_free_port()
            self._proxies[server] = TcpProxy(self._loop, 0, targets[server])
            self._proxies[server].open()
        ports = {server: proxy.port for server, proxy in self._proxies.items()}
        return settings.model_copy(
            update={
                "kafka": settings.kafka.model_copy(update={"port": targets[KAFKA]}),
                "postgres": settings.postgres.model_copy(update={"port": targets[POSTGRES]}),
                "flink": settings.flink.model_copy(update={"port": targets[JOBMANAGER]}),
                "proxy": ProxySettings(
                    kafka=ports[KAFKA],
                    postgres=ports[POSTGRES],
                    flink=ports[JOBMANAGER],
                    rpc=ports[RPC],
                    rpc_target=targets[RPC],
                ),
            }
        )

    def close(self) -> None:
        """Listen no more."""
        for proxy in self._proxies.values():
            proxy.close()
        self._loop.close()

    def of(self, client: str, server: str) -> TcpProxy:
        """Return the proxy through which a client reaches a server."""
        rpc = server == JOBMANAGER and client == TASKMANAGER
        return self._proxies[RPC if rpc else server]


class ImpairedLink(Fault):
    """The connections of one client to one server, disturbed."""

    def __init__(self, scene: Scene, target: str, impairment: Impairment) -> None:
        """Keep the link and what is done to it."""
        self._client, _, server = target.partition(LINK)
        self._scene, self._impairment = scene, impairment
        self._proxy = scene.around(NetworkProxies).of(self._client, server)

    def inject(self) -> None:
        """Disturb the connections that are open, and from now on new ones.

        Raises:
            StackError: the client has no process now.

        """
        if client_process(self._scene, self._client) is None:
            raise StackError(f"{self._client} has no process now.")
        self._proxy.impair(self._impairment, self._is_ours)

    def happened(self) -> bool:
        """Return whether bytes were late or held back, or connections were cut."""
        counts = self._proxy.counts
        return counts.delayed + counts.held + counts.cut > 0

    def lift(self) -> None:
        """Let everything pass again."""
        self._proxy.heal()

    def _is_ours(self, port: int) -> bool:
        # A client that the fault has ended is another process when it connects again.
        head = client_process(self._scene, self._client)
        return head is not None and port in local_ports(head)


def client_process(scene: Scene, client: str) -> ProcessIdentity | None:
    """Return the process of a client; None if it has none now."""
    if client == LOAD:
        spawned = (child.identity for child in reversed(process.spawned()) if child.name == LOAD)
        return next((identity for identity in spawned if identity.alive()), None)
    state = scene.run.state()
    if client == SUPERVISOR:
        return state.supervisor()
    service = state.services.get(client)
    return None if service is None else service.identity()


def local_ports(identity: ProcessIdentity) -> set[int]:
    """Return the ports at the process's ends of its connections."""
    head = identity.process()
    with contextlib.suppress(psutil.Error):
        connections = [] if head is None else head.net_connections(kind="tcp")
        return {connection.laddr.port for connection in connections if connection.laddr}
    return set()


def _link(impairment: Impairment) -> Callable[[Scene, str], Fault]:
    return partial(ImpairedLink, impairment=impairment)


def _kind(
    name: str, summary: str, impairment: Impairment, hold_s: tuple[float, ...] = (10.0,)
) -> FaultKind:
    return FaultKind(
        name,
        summary,
        _link(impairment),
        targets=LINKS,
        hold_s=hold_s,
        surroundings=NetworkProxies,
        response=(
            "Each client connects again and sends again what was not acknowledged; the job starts "
            "from its last checkpoint if a connection of its own was cut."
        ),
        todo="Mend the network; nothing on the side of SPAF.",
    )


KINDS = (
    _kind(
        "latency",
        "Delays what a client and a server send each other by 200 to 400 ms.",
        Impairment(latency_ms=200, jitter_ms=200),
    ),
    _kind(
        "bandwidth",
        "Lets 20 kB a second pass in each direction of a connection.",
        Impairment(bytes_per_s=20_000),
    ),
    _kind(
        "requests-lost",
        "Lets nothing reach the server; what it sends still arrives.",
        Impairment(hold_up=True),
        hold_s=(5.0, 20.0),
    ),
    _kind(
        "answers-lost",
        "Lets nothing reach the client; what it sends still arrives.",
        Impairment(hold_down=True),
        hold_s=(5.0, 20.0),
    ),
    _kind(
        "black-hole",
        "Lets nothing pass in either direction; connections stay open.",
        Impairment(hold_up=True, hold_down=True),
        hold_s=(5.0, 30.0),
    ),
    _kind(
        "reset",
        "Resets connections (RST), and each new one at once.",
        Impairment(reset=True),
        hold_s=(1.0, 10.0),
    ),
    _kind(
        "half-open",
        "Ends connections at the server only: the client writes, and hears nothing.",
        Impairment(half_open=True),
        hold_s=(15.0,),
    ),
)
