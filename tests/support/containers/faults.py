"""The faults of containers: made through the engine, and by signals to their processes."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, cycle
from pathlib import Path
from typing import Any, BinaryIO, cast

import httpx
import msgspec

from spaf.chaos.outcome import ChaosResult
from tests.support.containers import drill
from tests.support.containers.compose import Compose
from tests.support.containers.disks import SmallDisk
from tests.support.containers.drill import (
    Answered,
    Ask,
    Channel,
    DrillKind,
    DrillPlan,
    Made,
    Note,
)
from tests.support.containers.engine import Container

JOIN = "+"
BROKER, JOBMANAGER, TASKMANAGER = "broker", "leading jobmanager", "taskmanager"
POSTGRES, ZOOKEEPER, ALL = "postgres", "zookeeper", "all but the page"
TARGETS = (BROKER, JOBMANAGER, TASKMANAGER, POSTGRES, ZOOKEEPER)
# The services that a target names; which container of them is hit comes in turns.
SERVICES = {
    BROKER: ("kafka", "kafka-2", "kafka-3"),
    TASKMANAGER: ("taskmanager",),
    JOBMANAGER: ("jobmanager", "jobmanager-2"),
    POSTGRES: ("postgres",),
    ZOOKEEPER: ("zookeeper",),
}
PAGE = "page"
# Longer than the silence after which Flink gives a TaskManager up; seconds.
CUT_S = 12.0
FULL_S = 8.0
KILL, KILL_TWO, CUT, FILL, RESTART = "kill", "kill two", "cut", "fill", "restart"
# Thirty a round: each kind as often as its weight, each target of a kind before any comes again.
KINDS = [
    DrillKind(KILL, TARGETS, weight=20),
    DrillKind(KILL_TWO, tuple(JOIN.join(pair) for pair in combinations(TARGETS, 2)), weight=5),
    DrillKind(CUT, (BROKER, TASKMANAGER), hold_s=(CUT_S,), weight=2),
    DrillKind(FILL, (BROKER, POSTGRES), hold_s=(FULL_S,), weight=2),
    DrillKind(RESTART, (ALL,), weight=1),
]
# No further fault is begun after this: all tests together have 25 minutes. Seconds.
FAULTS_S = 840.0
ESTABLISHED = "01"
PROBLEMS = (OSError, httpx.HTTPError, subprocess.SubprocessError, AssertionError, LookupError)


class ContainerFaults:
    """Makes the steps of faults in the containers of a project."""

    def __init__(self, compose: Compose, disks: Mapping[str, SmallDisk]) -> None:
        """Keep the project, and the disks of the targets whose volume can be filled."""
        self._compose, self._engine = compose, compose.engine
        self._disks = disks
        self._turns = {target: cycle(range(len(names))) for target, names in SERVICES.items()}
        self._hit: dict[str, int] = {}
        self._cut: dict[str, tuple[Container, Any]] = {}
        # What was hit, for a person who reads the record.
        self.history: list[str] = []

    def answer(self, ask: Ask) -> Answered:
        """Do a step; a problem is an answer too."""
        steps: Mapping[tuple[str, str], Callable[[str], bool]] = {
            ("inject", KILL): self._kill,
            ("inject", KILL_TWO): self._kill,
            ("happened", KILL): self._killed,
            ("happened", KILL_TWO): self._killed,
            ("inject", CUT): self._disconnect,
            ("happened", CUT): self._disconnected,
            ("lift", CUT): self._connect,
            ("inject", FILL): self._fill,
            ("happened", FILL): self._filled,
            ("lift", FILL): self._free,
            ("inject", RESTART): self._stop_all,
            ("happened", RESTART): self._all_stopped,
            ("lift", RESTART): self._start_all,
        }
        step = steps.get((ask.step, ask.kind))
        try:
            return Answered(done=step is None or step(ask.target))
        except PROBLEMS as problem:
            return Answered(done=False, error=f"{type(problem).__name__}: {problem}"[:1_000])

    def _chosen(self, target: str) -> Container:
        """Return the container that a target means now."""
        names = SERVICES[target]
        if target == JOBMANAGER:
            return self._leader()
        found = [one for name in names for one in self._compose.containers(name)]
        assert found, f"{target} has no container."
        return found[next(self._turns[target]) % len(found)]

    def _leader(self) -> Container:
        """Return the JobManager that TaskManagers are connected to: a standby has none."""
        workers = [
            address
            for name in SERVICES[TASKMANAGER]
            for one in self._compose.containers(name)
            for address in self._addresses(one)
        ]
        count = {
            one: sum(address in workers for address in peers(self._engine.pid_of(one)))
            for name in SERVICES[JOBMANAGER]
            for one in self._compose.containers(name)
        }
        leader = max(count, key=lambda one: count[one])
        assert count[leader], "No JobManager leads."
        return leader

    def _addresses(self, container: Container) -> list[str]:
        networks = self._engine.inspect(container)["NetworkSettings"]["Networks"]
        return [one["IPAddress"] for one in networks.values()]

    def _kill(self, target: str) -> bool:
        """Kill the first process of each container; by a command, the engine would not restart."""
        chosen = [self._chosen(name) for name in target.split(JOIN)]
        self._hit = {one.id: self._engine.pid_of(one) for one in chosen}
        assert all(self._hit.values()), "One of them does not run now."
        self.history.append(JOIN.join(one.name for one in chosen))
        for pid in self._hit.values():
            os.kill(pid, signal.SIGKILL)
        return True

    def _killed(self, _: str) -> bool:
        return not any(Path(f"/proc/{pid}/root").exists() for pid in self._hit.values())

    def _disconnect(self, target: str) -> bool:
        chosen = self._chosen(target)
        ((network, endpoint),) = self._engine.inspect(chosen)["NetworkSettings"]["Networks"].items()
        self._cut[target] = (chosen, endpoint)
        self.history.append(chosen.name)
        body = {"Container": chosen.id, "Force": True}
        self._engine.post(f"/networks/{network}/disconnect", body)
        return True

    def _disconnected(self, target: str) -> bool:
        chosen, _ = self._cut[target]
        return not self._engine.inspect(chosen)["NetworkSettings"]["Networks"]

    def _connect(self, target: str) -> bool:
        if target in self._cut:
            chosen, endpoint = self._cut.pop(target)
            names = {"Aliases": endpoint["Aliases"]}
            body = {"Container": chosen.id, "EndpointConfig": names}
            self._engine.post(f"/networks/{endpoint['NetworkID']}/connect", body)
        return True

    def _fill(self, target: str) -> bool:
        self.history.append(target)
        self._disks[target].fill()
        return True

    def _filled(self, target: str) -> bool:
        return self._disks[target].full

    def _free(self, target: str) -> bool:
        self._disks[target].free()
        return True

    def _all(self) -> list[str]:
        names = {one.service for one in self._compose.containers()}
        return sorted(names - {PAGE})

    def _stop_all(self, _: str) -> bool:
        self.history.append(ALL)
        self._compose("stop", *self._all())
        return True

    def _all_stopped(self, _: str) -> bool:
        running = [one for one in self._compose.containers() if self._engine.pid_of(one)]
        return {one.service for one in running} == {PAGE}

    def _start_all(self, _: str) -> bool:
        self._compose("start", *self._all())
        return True


def peers(pid: int) -> Iterator[str]:
    """Yield the other end of each connection of the network that a process has."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, _, remote, state, *_ = line.split()
            if state == ESTABLISHED:
                # IPv4 is the end of an IPv6 address.
                number = int(remote.partition(":")[0][-8:], 16)
                yield socket.inet_ntoa(struct.pack("=I", number))


def make_faults(
    compose: Compose, faults: ContainerFaults, *, seed: int, count: int, rate: float
) -> ChaosResult:
    """Make the faults of a plan while sales go on, and return what became of them."""
    program = Path(drill.__file__).read_text(encoding="utf-8")
    python = compose("exec", "-T", PAGE, "sh", "-c", "command -v python3").stdout.strip()
    with subprocess.Popen(
        compose.command("exec", "-T", PAGE, python, "-c", program),
        env=compose.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        source, target = cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin)
        channel = Channel(source, target)
        channel.send(DrillPlan(seed, count, FAULTS_S, rate, KINDS))
        while line := source.readline():
            message = msgspec.json.decode(line, type=Ask | Note | Made)
            match message:
                case Ask():
                    channel.send(faults.answer(message))
                case Note():
                    if message.stays:
                        sys.stderr.write(f"{message.text}\n")
                case Made():
                    return msgspec.convert(message.result, ChaosResult)
    raise AssertionError(f"The faults have ended with {process.returncode}.\n{compose.logs()}")
