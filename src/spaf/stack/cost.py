"""What a service costs at this moment: the memory and the processor time of its processes."""

from __future__ import annotations

import contextlib
from typing import Any

import psutil

from spaf import clock
from spaf.stack.state import ServiceState

# Between two looks at the memory and the children of a service, seconds.
LONG_S = 15.0


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


def memory_mib(member: psutil.Process) -> float:
    """Return a process's share of memory, MiB: pages of several processes count in part for each.

    PostgreSQL's processes share their buffers; their plain sizes would count them many times.
    """
    try:
        full: Any = member.memory_full_info()
        return float(full.pss) / 2**20
    except psutil.AccessDenied:
        return float(member.memory_info().rss) / 2**20


class Meter:
    """The cost of one service, read often: only its processor time is read each time."""

    def __init__(self, service: ServiceState) -> None:
        """Keep which process it is; nothing is read yet."""
        identity = service.identity()
        self._head = identity.process() if identity else None
        self._next = 0.0
        self._memory = 0.0
        self._cpu: dict[psutil.Process, float] = {}
        self._gone = 0.0

    def read(self) -> tuple[float, float]:
        """Return memory (MiB) and processor time (seconds) so far, that of ended children too."""
        if self._head is None:
            return 0.0, 0.0
        if clock.monotonic() >= self._next:
            self._next = clock.monotonic() + LONG_S
            self._look_around(self._head)
        for member in list(self._cpu):
            self._read_cpu(member)
        return self._memory, self._gone + sum(self._cpu.values())

    def _look_around(self, head: psutil.Process) -> None:
        """Find the children and sum up the memory."""
        self._memory = 0.0
        try:
            family = [head, *head.children(recursive=True)]
        except psutil.NoSuchProcess:
            family = []
        for member in family:
            self._cpu.setdefault(member, 0.0)
            with contextlib.suppress(psutil.NoSuchProcess):
                self._memory += memory_mib(member)

    def _read_cpu(self, member: psutil.Process) -> None:
        try:
            times = member.cpu_times()
            self._cpu[member] = times.user + times.system
        except psutil.NoSuchProcess:
            self._gone += self._cpu.pop(member)
