"""What a service costs at this moment: the memory and the processor time of its processes."""

from __future__ import annotations

from typing import Any

import psutil

from spaf.stack.state import ServiceState


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
