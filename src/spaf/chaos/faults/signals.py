"""Services that are killed or suspended, alone, in pairs or all at once."""

from __future__ import annotations

import contextlib
import signal
from itertools import combinations

import psutil

from spaf.chaos.fault import JOIN, Fault, FaultKind, Scene
from spaf.errors import StackError
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import (
    JOBMANAGER,
    KAFKA,
    LOCUST,
    POSTGRES,
    QUARANTINE,
    SERVE,
    TASKMANAGER,
)

SERVICES = (TASKMANAGER, JOBMANAGER, KAFKA, POSTGRES, SERVE, QUARANTINE, LOCUST)
# Without one of them no sale reaches the tables.
NEEDED = (TASKMANAGER, JOBMANAGER, KAFKA, POSTGRES)
PAIRS = tuple(JOIN.join(pair) for pair in combinations(NEEDED, 2))
ALL = JOIN.join(NEEDED)
PAUSES_S = (5.0, 30.0)


def identities(scene: Scene, target: str) -> list[ProcessIdentity]:
    """Return the processes of the services of a target.

    Raises:
        StackError: one of them has no process now.

    """
    services = scene.run.state().services
    alive = []
    for name in target.split(JOIN):
        service = services.get(name)
        identity = None if service is None else service.identity()
        if identity is None or not identity.alive():
            raise StackError(f"{name} has no process now.")
        alive.append(identity)
    return alive


def family(identity: ProcessIdentity) -> list[ProcessIdentity]:
    """Return a process and its children: a session of PostgreSQL is one."""
    process = identity.process()
    children: list[psutil.Process] = []
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended just now
            children = process.children(recursive=True)
    members = (ProcessIdentity.of(child.pid) for child in children)
    return [identity, *(member for member in members if member is not None)]


def send(identity: ProcessIdentity, number: int) -> None:
    """Signal a process if it still runs."""
    process = identity.process()
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended just now
            process.send_signal(number)


class KilledServices(Fault):
    """Services that are killed at the same moment; the supervisor restarts them."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._killed: list[ProcessIdentity] = []

    def inject(self) -> None:
        """Kill the head of each service."""
        self._killed = identities(self._scene, self._target)
        for identity in self._killed:
            send(identity, signal.SIGKILL)

    def happened(self) -> bool:
        """Return whether every one has ended."""
        return bool(self._killed) and not any(identity.alive() for identity in self._killed)


class PausedServices(Fault):
    """Services that are suspended, with their children: they accept connections, never answer."""

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep the scene and the name of the target."""
        self._scene, self._target = scene, target
        self._paused: list[ProcessIdentity] = []

    def inject(self) -> None:
        """Suspend the processes."""
        for head in identities(self._scene, self._target):
            for member in family(head):
                self._paused.append(member)
                send(member, signal.SIGSTOP)

    def happened(self) -> bool:
        """Return whether every head is suspended."""
        return bool(self._paused) and all(map(is_stopped, self._paused))

    def lift(self) -> None:
        """Resume them (SIGCONT)."""
        for member in self._paused:
            send(member, signal.SIGCONT)


def is_stopped(identity: ProcessIdentity) -> bool:
    """Return whether a process is suspended, or has ended."""
    process = identity.process()
    return process is None or process.status() == psutil.STATUS_STOPPED


KINDS = (
    FaultKind(
        "kill",
        "Kills the processes of services (SIGKILL).",
        KilledServices,
        targets=(*SERVICES, ALL),
        pairs=PAIRS,
        weight=3,
        response=(
            "The supervisor restarts a service within a second; Flink restores the job, or the "
            "supervisor submits it again from its newest checkpoint. Producers keep their sales "
            "meanwhile."
        ),
    ),
    FaultKind(
        "pause",
        "Suspends all processes of services (SIGSTOP): they accept connections and never answer.",
        PausedServices,
        targets=(*SERVICES, ALL),
        pairs=PAIRS,
        hold_s=PAUSES_S,
        weight=2,
        response=(
            "It names the process. Sales wait in the generator or in the topic; what waited too "
            "long is restarted, and what was suspended goes on where it was."
        ),
        todo="`kill -CONT PID`, which the sentence has.",
    ),
)
