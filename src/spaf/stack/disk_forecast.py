"""When a disk will be full at the present rate, from how its free space has gone down."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spaf import clock
from spaf.trouble import DAY_S, DiskOutlook

# Between two samples, seconds.
INTERVAL_S = 10.0
# Before this nothing is said, and what is older says nothing of the present rate. Seconds.
MIN_WINDOW_S, MAX_WINDOW_S = 600.0, float(DAY_S)
# Less is noise: PostgreSQL allocates its log in segments of 16 MiB, and uses them again.
MIN_GROWTH_BYTES = 64 * 2**20
# Samples that are kept; of more, every second one is dropped, and then they are further apart.
MAX_SAMPLES = 360


class FreeSpace(NamedTuple):
    """One sample of a disk."""

    at_s: float
    free: int


class DiskForecast:
    """The free space of the disks of some folders, over time."""

    def __init__(self, folders: Iterable[Path], bounded_s: float | None = None) -> None:
        """Begin without a sample.

        Args:
            folders: of the data.
            bounded_s: what is written is kept for this long, seconds: then growth ends.

        """
        self._folders = list(folders)
        self._bounded_s = bounded_s
        # By the number of the device.
        self._disks: dict[int, list[FreeSpace]] = {}
        self._names: dict[int, Path] = {}
        self._intervals: dict[int, float] = {}

    def sample(self) -> DiskOutlook | None:
        """Take a sample if it is time for one; return the outlook of the first disk to be full."""
        now = clock.monotonic()
        for folder in self._folders:
            with contextlib.suppress(OSError):
                self._add(folder, now)
        outlooks = [outlook for outlook in map(self._outlook, self._disks) if outlook is not None]
        return min(outlooks, key=lambda outlook: outlook.full_in_s, default=None)

    def _add(self, folder: Path, now: float) -> None:
        device = folder.stat().st_dev
        samples = self._disks.setdefault(device, [])
        self._names.setdefault(device, folder)
        interval = self._intervals.setdefault(device, INTERVAL_S)
        if samples and now - samples[-1].at_s < interval:
            return
        usage = os.statvfs(folder)
        samples.append(FreeSpace(now, usage.f_bavail * usage.f_frsize))
        if len(samples) > MAX_SAMPLES:
            del samples[-2::-2]
            self._intervals[device] = 2 * interval
        while now - samples[0].at_s > MAX_WINDOW_S:
            del samples[0]

    def _outlook(self, device: int) -> DiskOutlook | None:
        foreseen = outlook(self._disks[device], self._names[device])
        bounded = self._bounded_s
        if foreseen is not None and bounded is not None and foreseen.full_in_s > bounded:
            return None
        return foreseen


def outlook(samples: list[FreeSpace], folder: Path) -> DiskOutlook | None:
    """Return when the disk will be full; None if its free space has not gone down for long enough.

    The rate is that of the whole time or that of its second half, whichever is smaller: something
    that was written once, such as a download, is no rate.
    """
    if not samples or samples[-1].at_s - samples[0].at_s < MIN_WINDOW_S:
        return None
    first, last = samples[0], samples[-1]
    middle_s = (first.at_s + last.at_s) / 2
    middle = next(sample for sample in samples if sample.at_s >= middle_s)
    rate = min(_rate(first, last), _rate(middle, last))
    if rate <= 0 or first.free - last.free < MIN_GROWTH_BYTES:
        return None
    return DiskOutlook(
        folder=str(folder),
        free=last.free,
        bytes_per_day=round(rate * DAY_S),
        full_in_s=last.free / rate,
        measured_s=last.at_s - first.at_s,
    )


def _rate(first: FreeSpace, other: FreeSpace) -> float:
    """Return by how much free space has gone down, bytes a second."""
    seconds = other.at_s - first.at_s
    return (first.free - other.free) / seconds if seconds > 0 else 0.0
