"""What disturbs a measurement from outside: other programs, other virtual machines, limits, clocks.

Each is a counter of the kernel, read at the begin and the end of an interval.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from spaf import clock

CGROUPS = Path("/sys/fs/cgroup")
CPUS = Path("/sys/devices/system/cpu")
NETWORK = Path("/proc/net/dev")


class MachineState(NamedTuple):
    """The counters at one moment."""

    at_s: float
    """Monotonic."""
    at_us: int
    """Since the epoch."""
    clock_offset_us: int
    """Wall clock minus monotonic clock."""
    busy_s: float
    """Processor time of all programs and of the kernel."""
    steal_s: float
    """Time that the hypervisor gave to others while this machine wanted to run."""
    throttled_s: float
    """Time that the control group was stopped because its limit of processor time was used up."""
    heat_throttles: int
    """How often a core or package has slowed itself down because it was hot."""
    disk_read_bytes: int
    disk_write_bytes: int
    """Of all disks together: what reached them, while a process counts what it wrote to memory."""
    loopback_bytes: int
    """Received on the loopback interface: what the services of one machine send to each other."""


def machine_state() -> MachineState:
    """Return the counters now; those that this machine does not have are 0."""
    times, at_s = psutil.cpu_times(), clock.monotonic()
    steal_s = float(getattr(times, "steal", 0.0))
    disks = psutil.disk_io_counters()
    return MachineState(
        at_s,
        clock.now_us(),
        clock.offset_us(),
        busy_s(times, at_s, psutil.cpu_count() or 1),
        steal_s,
        throttled_s(),
        heat_throttles(),
        0 if disks is None else disks.read_bytes,
        0 if disks is None else disks.write_bytes,
        _loopback_bytes(),
    )


def busy_s(times: Any, at_s: float, cores: int) -> float:
    """Return the processor time that was not idle, as a counter from some moment on.

    Linux samples what a core does at each tick, often 250 times a second. A load with a period of
    some milliseconds is then seen at the same point of each period, and counted half a core wrong.
    The time in which a core is idle is measured exactly.
    """
    unused = ("idle", "iowait", "steal")
    return cores * at_s - sum(float(getattr(times, name, 0.0)) for name in unused)


def control_groups(controller: str, *, root: Path = CGROUPS) -> list[Path]:
    """Return the folders of this process's control group and of those above it, nearest first.

    Args:
        controller: as version 1 calls it, `cpu` or `memory`.
        root: where the control groups are mounted.

    """
    folders: list[Path] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            unified = not controllers
            if unified or controller in controllers.split(","):
                top = root if unified else root / controller
                below = top / path.lstrip("/")
                # In a container the path may be that of the host.
                folders += [group for group in (below, *below.parents) if group.is_relative_to(top)]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def throttled_s() -> float:
    """Return the time for which this process's control groups were throttled, seconds."""
    return sum(map(_throttled_s, control_groups("cpu")))


def _throttled_s(group: Path) -> float:
    fields = dict(_pairs(group / "cpu.stat"))
    # Microseconds in version 2, nanoseconds in version 1.
    return fields.get("throttled_usec", 0) / 1e6 + fields.get("throttled_time", 0) / 1e9


def _pairs(file: Path) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(" ")
            yield name, int(value)


def heat_throttles() -> int:
    """Return how often the processor has slowed down because of heat; 0 if it does not say so."""
    return sum(_number(file) for file in CPUS.glob("cpu[0-9]*/thermal_throttle/*_throttle_count"))


def frequency_governor() -> str:
    """Return the governor of the processor's frequency; empty if the machine has none."""
    with contextlib.suppress(OSError):
        return (CPUS / "cpu0/cpufreq/scaling_governor").read_text().strip()
    return ""


def cpu_limit_cores() -> float | None:
    """Return the limit of the control groups on processor time, cores; None without one."""
    return min(filter(None, map(_quota_cores, control_groups("cpu"))), default=None)


def _quota_cores(group: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    quota_us, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def memory_limit_mib() -> float | None:
    """Return the limit of the control groups on memory, MiB; None without one."""
    names = ("memory.max", "memory.limit_in_bytes")
    values = [_number(group / name) for group in control_groups("memory") for name in names]
    # Version 1 writes the largest multiple of a page for "no limit".
    limits = [limit for limit in values if 0 < limit < psutil.virtual_memory().total]
    return min(limits) / 2**20 if limits else None


def allowed_cores() -> int:
    """Return the number of cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def _number(file: Path) -> int:
    """Return the number in a file of the kernel; 0 without one."""
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return 0


def _loopback_bytes() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in NETWORK.read_text().splitlines():
            name, _, counters = line.partition(":")
            if name.strip() == "lo":
                return int(counters.split()[0])
    return 0
