"""Samples every process of a measurement once a second, and what else the machine does.

A series is named `PROCESS/FIGURE`, such as `kafka/cpu_cores`. A process that does not run at the
time of a sample has no value there (NaN).
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

from spaf import clock
from spaf.measure.interference import Interference
from spaf.measure.jvm_counters import Collections
from spaf.measure.machine_state import MachineState, machine_state
from spaf.measure.process_table import (
    ProcessTable,
    cpu_growth,
    disk_bytes,
    families,
    process_table,
    shared_mib,
)
from spaf.measure.tcp_counters import sockets_of, tcp_traffic
from spaf.stack.process import START_TIME_TOLERANCE_S

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
# Samples between two searches for new connections, which look at every file of every process.
SOCKETS_EVERY = 5
# How the kernel calls a JVM: the search for its counters costs as much as all the rest.
JVM = "java"
DISK_FIGURES = ("disk_read_bytes", "disk_write_bytes")
# The machine as a whole, among the names of the processes.
MACHINE = "machine"


# Name of a series, its values in the order of the samples.
Series = dict[str, NDArray[np.float64] | NDArray[np.int64]]


class Head(NamedTuple):
    """A process that is measured with all of its descendants."""

    name: str
    pid: int
    started: float
    """Seconds since the epoch."""


class ProcessorUse(NamedTuple):
    """Processor time between two samples, seconds."""

    own_s: dict[str, float]
    """By the name of a measured process."""
    others_s: dict[str, float]
    """By the name of any other program."""
    kernel_s: float


class Tick(NamedTuple):
    """One sample."""

    state: MachineState
    values: dict[str, float]
    """Value by the name of its series."""
    use: ProcessorUse
    """Since the tick before."""


class _Counters(NamedTuple):
    """What the next sample is compared with."""

    state: MachineState
    table: ProcessTable
    of_processes: dict[str, float]
    """Values that only grow: `NAME/FIGURE/PID`."""


class SystemSampler:
    """Samples in a thread of its own from `start` to `stop`."""

    def __init__(self, heads: Callable[[], Iterable[Head]], interval_s: float = INTERVAL_S) -> None:
        """Keep what returns the processes to measure; it is called for each sample."""
        self._heads = heads
        self._interval_s = interval_s
        self._ticks: list[Tick] = []
        self._last: _Counters | None = None
        self._sockets: dict[int, str] = {}
        self._until_sockets = 0
        self._boot_s = psutil.boot_time()
        self._offset_us = clock.offset_us()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="samples", daemon=True)

    def start(self) -> None:
        """Take the first sample, and go on once a second."""
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """Take the last sample, and end the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self.sample()

    def sample(self) -> int:
        """Take a sample now; return its number."""
        with self._lock:
            self._ticks.append(self._tick())
            return len(self._ticks) - 1

    def between(self, first: int, last: int) -> Interference:
        """Return what disturbed the machine between two samples."""
        others_s: dict[str, float] = defaultdict(float)
        own_s = 0.0
        for tick in self._ticks[first + 1 : last + 1]:
            own_s += sum(tick.use.own_s.values()) + tick.use.kernel_s
            for name, seconds in tick.use.others_s.items():
                others_s[name] += seconds
        states = self._ticks[first].state, self._ticks[last].state
        return Interference.between(states, others_s, own_s)

    def series(self) -> Series:
        """Return every series, and `at_us`, the times of the samples."""
        with self._lock:
            ticks = list(self._ticks)
        names = sorted({name for tick in ticks for name in tick.values})
        arrays: Series = {"at_us": np.array([tick.state.at_us for tick in ticks], dtype=np.int64)}
        for name in names:
            arrays[name] = np.array([tick.values.get(name, np.nan) for tick in ticks])
        return arrays

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            try:
                self.sample()
            except Exception:
                log.exception("A sample of the processes has failed.")

    def _tick(self) -> Tick:
        state, table = machine_state(), process_table()
        # A clock that is set moves the times of what was started after that, seconds.
        moved_s = (state.clock_offset_us - self._offset_us) / 1e6
        boots_s = self._boot_s, self._boot_s + moved_s
        heads = {head.pid: head.name for head in self._heads() if _runs(head, table, boots_s)}
        names = families(table, heads)
        values, counters = _memory(table, names), _counters(table, names) | self._traffic(names)
        use = ProcessorUse({}, {}, 0.0)
        if self._last is not None:
            seconds = max(state.at_s - self._last.state.at_s, 1e-9)
            use = _processor_use(self._last.table, table, names)
            values |= _cores(use, seconds)
            values |= _growth(self._last.of_processes, counters, self._last.table)
            values |= _machine(self._last.state, state)
        self._last = _Counters(state, table, counters)
        return Tick(state, values, use)

    def _traffic(self, names: Mapping[int, str]) -> dict[str, float]:
        """Return the traffic of each connection: `NAME/FIGURE/INODE`."""
        if self._until_sockets == 0:
            self._sockets = {inode: names[pid] for pid, inode in sockets_of(names)}
            self._until_sockets = SOCKETS_EVERY
        self._until_sockets -= 1
        counters: dict[str, float] = {}
        for inode, traffic in tcp_traffic().items():
            if inode in self._sockets:
                name = self._sockets[inode]
                counters[f"{name}/net_sent_bytes/{inode}"] = traffic.sent
                counters[f"{name}/net_received_bytes/{inode}"] = traffic.received
        return counters


def _runs(head: Head, table: ProcessTable, boots_s: Iterable[float]) -> bool:
    """Return whether a process still runs: the kernel uses pids again."""
    row = table.get(head.pid)
    return row is not None and any(
        abs(boot_s + row.started_s - head.started) < START_TIME_TOLERANCE_S for boot_s in boots_s
    )


def _memory(table: ProcessTable, names: Mapping[int, str]) -> dict[str, float]:
    """Return the memory of each name, MiB: what is shared in a family counts once."""
    members: dict[str, list[int]] = defaultdict(list)
    for pid, name in names.items():
        members[name].append(pid)
    memory = {}
    for name, pids in members.items():
        shared = {pid: shared_mib(pid) if len(pids) > 1 else 0.0 for pid in pids}
        own = sum(max(0.0, table[pid].rss_mib - shared[pid]) for pid in pids)
        memory[f"{name}/memory_mib"] = round(own + max(shared.values()), 2)
    return memory


def _counters(table: ProcessTable, names: Mapping[int, str]) -> dict[str, float]:
    """Return the counters of each process: `NAME/FIGURE/PID`."""
    counters: dict[str, float] = {}
    for pid, name in names.items():
        for figure, counted in zip(DISK_FIGURES, disk_bytes(pid), strict=True):
            counters[f"{name}/{figure}/{pid}"] = counted
        collections = Collections.of(pid) if table[pid].name == JVM else None
        if collections is not None:
            counters[f"{name}/gc_count/{pid}"] = collections.number
            counters[f"{name}/gc_ms/{pid}"] = collections.seconds * 1_000
    return counters


def _growth(
    before: Mapping[str, float], after: Mapping[str, float], table: ProcessTable
) -> dict[str, float]:
    """Return the growth of the counters of each name; those of a new process begin at zero.

    The kernel adds the disk bytes of a process that has ended to those of its parent.
    """
    counted = dict(before)
    for key in before.keys() - after.keys():
        _, figure, number = key.split("/")
        if figure in DISK_FIGURES and int(number) in table:
            of_parent = f"/{figure}/{table[int(number)].parent}"
            for parent in (other for other in after if other.endswith(of_parent)):
                counted[parent] = counted.get(parent, 0.0) + before[key]
    growth: dict[str, float] = defaultdict(float)
    for key, value in after.items():
        series, _, _ = key.rpartition("/")
        growth[series] += max(0.0, value - counted.get(key, 0.0))
    return {name: round(value, 3) for name, value in growth.items()}


def _processor_use(
    before: ProcessTable, after: ProcessTable, names: Mapping[int, str]
) -> ProcessorUse:
    own_s: dict[str, float] = dict.fromkeys(names.values(), 0.0)
    others_s: dict[str, float] = defaultdict(float)
    kernel_s = 0.0
    for pid, grown_s in cpu_growth(before, after).items():
        if pid in names:
            own_s[names[pid]] += grown_s
        elif after[pid].of_kernel:
            kernel_s += grown_s
        elif grown_s:
            others_s[after[pid].name] += grown_s
    return ProcessorUse(own_s, dict(others_s), kernel_s)


def _cores(use: ProcessorUse, seconds: float) -> dict[str, float]:
    used_s = use.own_s | {MACHINE: sum(use.others_s.values())}
    figure = {MACHINE: "other_cores"}
    return {
        f"{name}/{figure.get(name, 'cpu_cores')}": round(one_s / seconds, 4)
        for name, one_s in used_s.items()
    }


def _machine(before: MachineState, after: MachineState) -> dict[str, float]:
    seconds = max(after.at_s - before.at_s, 1e-9)
    return {
        f"{MACHINE}/busy_cores": round((after.busy_s - before.busy_s) / seconds, 4),
        f"{MACHINE}/steal_cores": round((after.steal_s - before.steal_s) / seconds, 4),
        f"{MACHINE}/throttled_s": round(after.throttled_s - before.throttled_s, 4),
        f"{MACHINE}/clock_offset_us": float(after.clock_offset_us - before.clock_offset_us),
        f"{MACHINE}/disk_read_bytes": float(after.disk_read_bytes - before.disk_read_bytes),
        f"{MACHINE}/disk_write_bytes": float(after.disk_write_bytes - before.disk_write_bytes),
        f"{MACHINE}/loopback_bytes": float(after.loopback_bytes - before.loopback_bytes),
    }
