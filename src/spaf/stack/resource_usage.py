"""The memory and the processor time of a service, over all of its processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import psutil

from spaf import clock
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import ServiceState

# The list of a service's processes and their memory are read anew after this, seconds. For all
# services of a run that takes 50 ms of processor time; reading their processor time takes 1 ms.
MAX_AGE_S = 10.0


class _Family(NamedTuple):
    """The processes of a service, and their memory at that time."""

    identity: ProcessIdentity
    members: list[psutil.Process]
    memory_mib: float
    at: float


class ResourceUsage:
    """The usage of services that are polled often: memory may be up to MAX_AGE_S old."""

    def __init__(self) -> None:
        """Start without any reading."""
        self._families: dict[str, _Family] = {}

    def of(self, service: ServiceState) -> tuple[float, float]:
        """Return memory (MiB) and processor time (seconds) of a service and its children."""
        identity = service.identity()
        if identity is None:
            return 0.0, 0.0
        family = self._families.get(service.name)
        old = family is None or clock.monotonic() - family.at > MAX_AGE_S
        if family is None or old or family.identity != identity:
            head = identity.process()
            if head is None:
                return 0.0, 0.0
            members = processes(head)
            memory = sum(_or_zero(memory_mib, member) for member in members)
            family = _Family(identity, members, memory, clock.monotonic())
            self._families[service.name] = family
        return family.memory_mib, sum(_or_zero(_cpu_seconds, member) for member in family.members)


def resources(service: ServiceState) -> tuple[float, float]:
    """Return memory (MiB) and processor time (seconds) of a service and its children."""
    identity = service.identity()
    head = identity.process() if identity else None
    return (0.0, 0.0) if head is None else of_family(head)


def processes(head: psutil.Process) -> list[psutil.Process]:
    """Return a process and those that it has started, without commands of SPAF.

    A measurement that the page has started, with its generator, is no part of the page.
    """
    family, left_out = [head], set[int]()
    for child in head.children(recursive=True):  # a parent comes before its children
        if _or_zero(psutil.Process.ppid, child) in left_out or _is_command(child):
            left_out.add(child.pid)
        else:
            family.append(child)
    return family


def _is_command(member: psutil.Process) -> bool:
    """Return whether a process is `spaf`, as `python -m spaf`."""
    try:
        words = member.cmdline()
    except psutil.Error:
        return False
    return ["-m", "spaf"] in (words[at : at + 2] for at in range(1, 6))


def of_family(head: psutil.Process) -> tuple[float, float]:
    """Return memory (MiB) and processor time (seconds) of a process and its children."""
    memory = cpu = 0.0
    for member in processes(head):
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


def _or_zero(reading: Callable[[psutil.Process], float], member: psutil.Process) -> float:
    """Return a reading of a process; 0 if the process has ended."""
    try:
        return reading(member)
    except psutil.NoSuchProcess:
        return 0.0


def memory_mib(member: psutil.Process) -> float:
    """Return the proportional set size of a process, MiB: shared pages count in part.

    The processes of PostgreSQL share their buffers, which resident set sizes count many times.
    """
    try:
        full: Any = member.memory_full_info()
        return float(full.pss) / 2**20
    except psutil.AccessDenied:
        return float(member.memory_info().rss) / 2**20
