"""What an event costs one TaskManager and three, and how the work is spread over them."""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path
from typing import Self

import msgspec

from spaf.stack.process import wait_until
from tests.support.containers import drains
from tests.support.containers.compose import Compose
from tests.support.containers.drains import Began, DrainsPlan, Ended, Verified

PAGE, TASKMANAGER = "page", "taskmanager"
EVENTS = 600_000
# Each TaskManager first compiles its code, for as many events as a drain by one task has. Then both
# are measured in turn, so that other load on the machine affects both.
WARM_UP = (3, 3, 3, 1)
MEASURED = (1, 3) * 3
GOAL = 1.15
# Of a JVM that starts on a busy machine; seconds.
REGISTERED_S = 90.0


class SpreadCost(msgspec.Struct, frozen=True):
    """Processor time of all TaskManagers for an event, microseconds; medians of drains in turn."""

    events: int
    one_us: float
    three_us: float
    ratio: float
    ratio_goal: float
    shares: list[float]
    """Of each TaskManager in the drains by three tasks, the largest first; their sum is 1."""
    drains: dict[int, list[float]]
    """Number of tasks → microseconds an event of each measured drain."""
    exact: bool

    @classmethod
    def of(cls, cpu_s: list[tuple[int, dict[str, float]]], *, exact: bool) -> Self:
        """Return the cost of drains: number of tasks, and seconds of each container."""
        cost: dict[int, list[float]] = {}
        for tasks, seconds in cpu_s:
            cost.setdefault(tasks, []).append(round(sum(seconds.values()) / EVENTS * 1e6, 3))
        one, three = (statistics.median(cost[tasks]) for tasks in (1, 3))
        spread: dict[str, float] = {}
        for tasks, seconds in cpu_s:
            if tasks == max(cost):
                for name, used in seconds.items():
                    spread[name] = spread.get(name, 0.0) + used
        whole = sum(spread.values())
        return cls(
            events=EVENTS,
            one_us=one,
            three_us=three,
            ratio=round(three / one, 3),
            ratio_goal=GOAL,
            shares=sorted((round(used / whole, 3) for used in spread.values()), reverse=True),
            drains=cost,
            exact=exact,
        )


def measure(compose: Compose) -> SpreadCost:
    """Drain one topic with jobs of one task and of three, in turn, and verify both."""
    program = Path(drains.__file__).read_text(encoding="utf-8")
    python = compose("exec", "-T", PAGE, "sh", "-c", "command -v python3").stdout.strip()
    plan = msgspec.json.encode(DrainsPlan(EVENTS, WARM_UP + MEASURED)).decode()
    used: list[tuple[int, dict[str, float]]] = []
    before: dict[str, float] = {}
    verdicts: list[Verified] = []
    with subprocess.Popen(
        compose.command("exec", "-T", PAGE, python, "-c", program, plan),
        env=compose.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            match msgspec.json.decode(line, type=Began | Ended | Verified):
                case Began():
                    before = cpu_seconds(compose)
                case Ended() as ended:
                    now = cpu_seconds(compose)
                    used.append((ended.tasks, {name: now[name] - before[name] for name in now}))
                case Verified() as verdict:
                    verdicts.append(verdict)
    assert process.returncode == 0, compose.logs()
    exact = [(one.tasks, one.exact, one.records) for one in verdicts]
    records = EVENTS + drains.PARTITIONS
    assert sorted(exact) == [(1, True, records), (3, True, records)]
    return SpreadCost.of(used[len(WARM_UP) :], exact=True)


def cpu_seconds(compose: Compose) -> dict[str, float]:
    """Return the processor time of each TaskManager."""
    workers = compose.containers(TASKMANAGER)
    return {one.name: compose.engine.cpu_seconds(one) for one in workers}


def wait_for_workers(compose: Compose, number: int) -> None:
    """Wait until Flink knows so many TaskManagers, and no other."""
    assert wait_until(lambda: _workers(compose) == number, REGISTERED_S, poll=0.5), compose.logs()


def _workers(compose: Compose) -> int:
    program = (
        "import sys, json, urllib.request as r;"
        "print(len(json.load(r.urlopen(sys.argv[1]))['taskmanagers']))"
    )
    url = "http://127.0.0.1:8081/taskmanagers"
    done = subprocess.run(
        compose.engine.inside("python3", "-c", program, url),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return int(done.stdout or -1)
