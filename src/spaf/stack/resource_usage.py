"""What a service costs at this moment: the memory and the processor time of its processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import psutil

from spaf import clock
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import ServiceState

# Who belongs to a service, and how much memory they take, is looked up anew after this: for a stack
# of ours that costs some 50 ms of processor time, their processor time alone 1 ms. Seconds.
FAMILY_S = 10.0


class _Family(NamedTuple):
    """The processes of a service, and their memory when they were looked up."""

    identity: ProcessIdentity
    members: list[psutil.Process]
    memory_mib: float
    at: float


class ResourceUsage:
    """What services cost, asked again and again: memory may be some seconds old."""

    def __init__(self) -> None:
        """Begin without having looked."""
        self._families: dict[str, _Family] = {}

    def of(self, service: ServiceState) -> tuple[float, float]:
        """Return memory (MiB) and processor time (seconds) of a service and its children."""
        identity = service.identity()
        if identity is None:
            return 0.0, 0.0
        family = self._families.get(service.name)
        old = family is None or clock.monotonic() - family.at > FAMILY_S
        if family is None or old or family.identity != identity:
            head = identity.process()
            if head is None:
                return 0.0, 0.0
            members = [head, *head.children(recursive=True)]
            memory = sum(_lasting(memory_mib, one) for one in members)
            family = _Family(identity, members, memory, clock.monotonic())
            self._families[service.name] = family
        return family.memory_mib, sum(_lasting(_cpu_seconds, one) for one in family.members)


def resources(service: ServiceState) -> tuple[float, float]:
    """Return memory (MiB) and processor time (seconds) of a service and its children."""
    identity = service.identity()
    found = identity.process() if identity else None
    if found is None:
        return 0.0, 0.0
    return of_family(found)


def of_family(head: psutil.Process) -> tuple[float, float]:
    """Return memory (MiB) and processor time (seconds) of a process and its children."""
    memory = cpu = 0.0
    for member in [head, *head.children(recursive=True)]:
        try:
            with member.oneshot():
                memory += memory_mib(member)
                times = member.cpu_times()
                cpu += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return memory, cpu


def _cpu_seconds(member: psutil.Process) -> float:
    times = member.cpu_times()
    return float(times.user + times.system)


def _lasting(what: Callable[[psutil.Process], float], member: psutil.Process) -> float:
    """Return what is asked of a process; nothing of one that has ended."""
    try:
        return what(member)
    except psutil.NoSuchProcess:
        return 0.0


def memory_mib(member: psutil.Process) -> float:
    """Return a process's share of memory, MiB: pages of several processes count in part for each.

    PostgreSQL's processes share their buffers; their plain sizes would count them many times.
    """
    try:
        full: Any = member.memory_full_info()
        return float(full.pss) / 2**20
    except psutil.AccessDenied:
        return float(member.memory_info().rss) / 2**20
