"""A run with two JobManagers: the leading one, the one that stands by, or ZooKeeper is killed."""

from __future__ import annotations

import psutil

from spaf.chaos.fault import JOIN, Fault, FaultKind, Scene, Surroundings
from spaf.chaos.faults.signals import KilledServices
from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import zookeeper
from spaf.stack.service_names import JOBMANAGER, STANDBY, TASKMANAGER, ZOOKEEPER
from spaf.stack.state import ServiceState

LEADER = "leader"
FOLLOWER = "follower"
TARGETS = (
    LEADER,
    FOLLOWER,
    ZOOKEEPER,
    JOIN.join((LEADER, ZOOKEEPER)),
    JOIN.join((LEADER, TASKMANAGER)),
    JOIN.join((LEADER, FOLLOWER)),
)


class SecondJobManager(Surroundings):
    """The run has high availability."""

    def open(self, settings: Settings) -> Settings:
        """Return the settings with it."""
        flink = settings.flink.model_copy(update={"high_availability": "zookeeper"})
        return settings.model_copy(update={"flink": flink})

    def close(self) -> None:
        """Remove nothing: the run has everything of it."""


class KilledJobManager(Fault):
    """JobManagers that are killed by their role, alone or with another service."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._killed: KilledServices | None = None

    def inject(self) -> None:
        """Find out who leads, and kill.

        Raises:
            StackError: the run has no second JobManager, or none leads now.

        """
        names = roles(self._scene.run.state().services)
        target = JOIN.join(names.get(part, part) for part in self._target.split(JOIN))
        self._killed = KilledServices(self._scene, target)
        self._killed.inject()

    def happened(self) -> bool:
        """Return whether every one has ended."""
        return self._killed is not None and self._killed.happened()


def roles(services: dict[str, ServiceState]) -> dict[str, str]:
    """Return the names of the JobManager that leads and of the one that stands by.

    Raises:
        StackError: there is no second JobManager, or none leads now.

    """
    if STANDBY not in services:
        raise StackError(
            "The run has one JobManager.", todo="Set SPAF_FLINK__HIGH_AVAILABILITY=zookeeper."
        )
    port = zookeeper.leading_port(services[ZOOKEEPER].address)
    for name, other in ((JOBMANAGER, STANDBY), (STANDBY, JOBMANAGER)):
        if port in _ports(services[name]):
            return {LEADER: name, FOLLOWER: other}
    raise StackError("No JobManager leads now.")


def _ports(service: ServiceState) -> set[int]:
    """Return the ports of the connections of a service on its own side."""
    identity = service.identity()
    process = None if identity is None else identity.process()
    sockets = [] if process is None else process.net_connections(kind="tcp")
    return {socket.laddr.port for socket in sockets if socket.status == psutil.CONN_ESTABLISHED}


KINDS = (
    FaultKind(
        "failover",
        "Kills the leading JobManager, the one that stands by, or ZooKeeper, in a run with "
        "`flink.high_availability`.",
        KilledJobManager,
        targets=TARGETS,
        surroundings=SecondJobManager,
        by_name=True,
        response=(
            "The other JobManager leads within seconds and goes on with the same job from its "
            "newest checkpoint; the supervisor restarts what was killed, which then stands by."
        ),
    ),
)
