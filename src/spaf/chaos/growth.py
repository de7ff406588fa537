"""Whether memory, open files and disk grow in a long run: samples, and what they say."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec
import psutil

from spaf import clock
from spaf.bench.scenario import Table
from spaf.stack.process import ProcessIdentity
from spaf.stack.resource_usage import of_family, processes
from spaf.stack.service_names import SUPERVISOR
from spaf.stack.state import RunFolder, RunState

# A sample takes a tenth of a second of processor time. Seconds.
SAMPLE_S = 10.0
# Fewer samples show no trend.
MIN_SAMPLES = 12
# What a process may grow from the second quarter of the run to the last one: caches fill and
# compilers work in the first.
MAX_GROWTH = 0.2
# Less than this is noise, by unit.
NOISE = {"MiB": 16.0, "files": 16.0}
MEMORY, FILES, DISK = "memory", "open files", "disk"
# Parts of the run folder that hold each sale: they grow with the sales, as they should.
KEEPS_SALES = ("kafka", "postgres", "runs")


class LongRunGrowth(msgspec.Struct, frozen=True):
    """One figure of one process or folder: medians of the second and of the last quarter."""

    name: str
    figure: str
    unit: str
    early: float
    late: float
    per_hour: float
    expected: bool = False
    """Whether it grows with the sales, and so is no leak."""

    @classmethod
    def of(cls, name: str, figure: str, samples: Sequence[tuple[float, float]]) -> Self | None:
        """Return the growth of (seconds, value) pairs; None for too few."""
        if len(samples) < MIN_SAMPLES:
            return None
        quarter = len(samples) // 4
        second, last = samples[quarter : 2 * quarter], samples[-quarter:]
        early, late = (statistics.median(v for _, v in part) for part in (second, last))
        hours = (_middle(last) - _middle(second)) / 3_600
        return cls(
            name=name,
            figure=figure,
            unit="files" if figure == FILES else "MiB",
            early=round(early, 1),
            late=round(late, 1),
            per_hour=round((late - early) / hours, 2) if hours else 0.0,
            expected=figure == DISK and name in KEEPS_SALES,
        )

    @property
    def grows(self) -> bool:
        """Whether it has grown by more than noise, and should not."""
        grown = self.late - self.early
        return not self.expected and grown > max(MAX_GROWTH * self.early, NOISE[self.unit])

    @property
    def sentence(self) -> str:
        """The growth in words."""
        return (
            f"{self.figure} of {self.name} grew from {self.early:g} to {self.late:g} {self.unit}, "
            f"{self.per_hour:g} an hour"
        )

    @staticmethod
    def table(items: Sequence[LongRunGrowth]) -> Table:
        """Return all of them for a person."""
        columns = ("of", "figure", "unit", "early", "late", "an hour", "")
        rows = [
            (
                *(item.name, item.figure, item.unit, item.early, item.late, item.per_hour),
                "with the sales" if item.expected else "grows" if item.grows else "flat",
            )
            for item in items
        ]
        return Table("memory, open files and disk, second and last quarter", columns, rows)


class GrowthSampler:
    """Samples a run every SAMPLE_S, when it is called."""

    def __init__(self, home: RunFolder, *, active: bool) -> None:
        """Keep the run folder; nothing is sampled yet, and never unless the sampler is active."""
        self._home = home
        self._samples: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self._next = 0.0 if active else math.inf

    def sample_if_due(self) -> None:
        """Take a sample if the last one is old enough; none while the run is not up."""
        now = clock.monotonic()
        state = self._home.read() if now >= self._next else None
        if state is not None:
            self._next = now + SAMPLE_S
            with contextlib.suppress(psutil.Error, OSError):  # what has ended meanwhile
                self._sample(now, state)

    def _sample(self, now: float, state: RunState) -> None:
        for name, figures in sampled(state).items():
            for figure, value in figures.items():
                self._samples[name, figure].append((now, value))
        for name, mib in folder_sizes(self._home.folder).items():
            self._samples[name, DISK].append((now, mib))

    def growth(self) -> list[LongRunGrowth]:
        """Return the growth of each figure with enough samples."""
        growths = (
            LongRunGrowth.of(*key, samples) for key, samples in sorted(self._samples.items())
        )
        return [growth for growth in growths if growth is not None]


def sampled(state: RunState) -> Mapping[str, Mapping[str, float]]:
    """Return memory and open files of supervisor and services with their children."""
    heads: dict[str, ProcessIdentity | None] = {SUPERVISOR: state.supervisor()}
    heads |= {name: service.identity() for name, service in state.services.items()}
    values = {}
    for name, identity in heads.items():
        head = None if identity is None else identity.process()
        if head is None:
            continue
        # The services are children of the supervisor, and have names of their own.
        family = [head] if name == SUPERVISOR else processes(head)
        memory = _memory_mib(head) if name == SUPERVISOR else of_family(head)[0]
        values[name] = {MEMORY: memory, FILES: float(sum(map(_open_files, family)))}
    return values


def folder_sizes(folder: Path) -> dict[str, float]:
    """Return the size of each part of a run folder, MiB; what is deleted meanwhile counts as 0."""
    return {part.name: _size(part) / 2**20 for part in folder.iterdir() if part.is_dir()}


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def _memory_mib(head: psutil.Process) -> float:
    try:
        return float(head.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _open_files(process: psutil.Process) -> int:
    try:
        return int(process.num_fds())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _middle(samples: Sequence[tuple[float, float]]) -> float:
    return samples[len(samples) // 2][0]
