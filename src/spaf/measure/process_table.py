"""Every process of the machine at one moment, read from the kernel's files in a few milliseconds.

`psutil` needs several files for each process. A sample each second must not be a load itself.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
# The parent of every thread of the kernel.
KERNEL_PARENT = 2
INIT = 1


class ProcessRow(NamedTuple):
    """One process; processor time in seconds since its start."""

    pid: int
    parent: int
    name: str
    started_s: float
    """Seconds since the machine was started."""
    cpu_s: float
    children_s: float
    """Of its descendants that have ended."""
    rss_mib: float

    @property
    def of_kernel(self) -> bool:
        """Whether it is a thread of the kernel."""
        return KERNEL_PARENT in (self.pid, self.parent)


ProcessTable = Mapping[int, ProcessRow]


def process_table() -> dict[int, ProcessRow]:
    """Return every process by its pid."""
    rows = (_row(int(entry)) for entry in os.listdir(PROC) if entry.isdecimal())  # noqa: PTH208 - names only, twice as fast
    return {row.pid: row for row in rows if row is not None}


def _row(pid: int) -> ProcessRow | None:
    """Return one process; None if it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name is in parentheses and may contain some itself.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    user, system, of_children, system_of_children = map(int, fields[11:15])
    return ProcessRow(
        pid,
        int(fields[1]),
        head.partition("(")[2],
        int(fields[19]) / TICKS_PER_S,
        (user + system) / TICKS_PER_S,
        (of_children + system_of_children) / TICKS_PER_S,
        int(fields[21]) * PAGE_MIB,
    )


def families(table: ProcessTable, heads: Mapping[int, str]) -> dict[int, str]:
    """Return the name of the nearest head above each process that descends from one.

    Args:
        table: the processes.
        heads: the name of each head by its pid.

    """
    known: dict[int, str] = {}
    for pid in table:
        path: list[int] = []
        at = pid
        while at in table and at not in known and at not in heads and at not in path:
            path.append(at)
            at = table[at].parent
        name = heads.get(at, known.get(at, "")) if at in table else ""
        known.update(dict.fromkeys((*path, pid), name))
    return {pid: name for pid, name in known.items() if name}


def cpu_growth(before: ProcessTable, after: ProcessTable) -> dict[int, float]:
    """Return the processor time between two tables of each process in the later one, seconds.

    The time of a process that has ended in between counts for the process that has waited for it.
    """
    ended: dict[int, float] = defaultdict(float)
    for row in before.values():
        if not same(row, after.get(row.pid)):
            ended[_survivor(row, before, after)] += row.cpu_s + row.children_s
    return {pid: _growth(row, before.get(pid), ended.get(pid, 0.0)) for pid, row in after.items()}


def _survivor(row: ProcessRow, before: ProcessTable, after: ProcessTable) -> int:
    """Return the nearest process above one that has ended which has not ended itself."""
    while (above := before.get(row.parent)) is not None:
        if same(above, after.get(above.pid)):
            return above.pid
        row = above
    return 0


def same(row: ProcessRow, other: ProcessRow | None) -> bool:
    """Return whether both are one process: the kernel uses pids again."""
    return other is not None and other.started_s == row.started_s


def _growth(row: ProcessRow, then: ProcessRow | None, ended_s: float) -> float:
    if then is None or not same(then, row):
        return row.cpu_s + row.children_s
    if row.pid == INIT:
        # It waits for orphans, whose whole time would be new: their parents ended in between, too.
        return max(0.0, row.cpu_s - then.cpu_s)
    # Times of children that the earlier table had already are not new.
    by_children = max(0.0, row.children_s - then.children_s - ended_s)
    return max(0.0, row.cpu_s - then.cpu_s) + by_children


def shared_mib(pid: int) -> float:
    """Return how much of the memory of a process is shared with others or files, MiB."""
    with contextlib.suppress(OSError):
        return int((PROC / str(pid) / "statm").read_text().split()[2]) * PAGE_MIB
    return 0.0


def disk_bytes(pid: int) -> tuple[int, int]:
    """Return the bytes that a process has read from the disk and written to it."""
    fields = dict(_io_fields(pid))
    return fields.get("read_bytes", 0), fields.get("write_bytes", 0)


def _io_fields(pid: int) -> Iterator[tuple[str, int]]:
    # Another account's process does not show it.
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "io").read_text().splitlines():
            name, _, value = line.partition(":")
            yield name, int(value)
