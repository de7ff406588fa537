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
    memory = cpu = 0.0
    for member in [found, *found.children(recursive=True)]:
        try:
            with member.oneshot():
                memory += _memory(member) / 2**20
                times = member.cpu_times()
                cpu += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return memory, cpu


def _memory(member: psutil.Process) -> float:
    """Return a process's share of memory: pages of several processes count in part for each.

    PostgreSQL's processes share their buffers; their plain sizes would count them many times.
    """
    try:
        full: Any = member.memory_full_info()
        return float(full.pss)
    except psutil.AccessDenied:
        return float(member.memory_info().rss)
