"""When a disk is full at the present rate: from samples over time, with noise and single writes."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from spaf import clock
from spaf.stack.disk_forecast import (
    INTERVAL_S,
    MAX_SAMPLES,
    MIN_WINDOW_S,
    DiskForecast,
    FreeSpace,
    outlook,
)
from spaf.trouble import DAY_S, DiskOutlook

GIB = 2**30
HERE = Path("/data")


def samples(*free_gib: float, step_s: float = 300.0) -> list[FreeSpace]:
    """Return samples of the free space."""
    return [FreeSpace(number * step_s, round(free * GIB)) for number, free in enumerate(free_gib)]


def test_the_rate_says_when_it_is_full() -> None:
    """A quarter of an hour took 3 GiB; 30 are left."""
    found = outlook(samples(33, 32, 31, 30), HERE)
    assert found is not None
    assert found.full_in_s == pytest.approx(10 * 900)
    assert found.bytes_per_day == pytest.approx(3 * GIB * 96, rel=1e-6)
    assert (found.folder, found.free, found.measured_s) == ("/data", 30 * GIB, 900.0)
    assert found.soon
    assert "is full in 150 minutes" not in found.line
    assert "is full in 2.5 hours: 30.0 GiB are free, and 288.0 GiB are written a day" in found.line


@pytest.mark.parametrize(
    "known",
    [
        [],
        samples(33, 30),  # five minutes are too short
        samples(33, 33, 33, 33),
        samples(30, 31, 32, 33),  # something was deleted
        samples(33, 30, 30, 30, 30),  # something was written once
        samples(33, 32.99, 32.98, 32.97),  # segments of a log
    ],
)
def test_what_does_not_go_on_is_no_rate(known: list[FreeSpace]) -> None:
    """Then nothing is said."""
    assert outlook(known, HERE) is None


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a disk and a clock that the test moves."""
    now = SimpleNamespace(at_s=0.0, free=100 * GIB)
    monkeypatch.setattr(clock, "monotonic", lambda: now.at_s)
    usage = lambda _: SimpleNamespace(f_bavail=now.free, f_frsize=1)  # noqa: E731
    monkeypatch.setattr(os, "statvfs", usage)
    return now


def fill(disk: SimpleNamespace, forecast: DiskForecast, seconds: float) -> DiskOutlook | None:
    """Let time pass while 1 MiB a second is written; return what is foreseen at the end."""
    found = None
    for _ in range(round(seconds / INTERVAL_S)):
        disk.at_s += INTERVAL_S
        disk.free -= round(INTERVAL_S * 2**20)
        found = forecast.sample()
    return found


def test_samples_become_rarer_with_time(disk: SimpleNamespace, tmp_path: Path) -> None:
    """The memory is bounded; two folders of one disk are one."""
    (tmp_path / "other").mkdir()
    forecast = DiskForecast([tmp_path, tmp_path / "other", tmp_path / "missing"])
    assert fill(disk, forecast, MIN_WINDOW_S - INTERVAL_S) is None
    found = fill(disk, forecast, 20_000)
    assert found is not None
    assert found.full_in_s == pytest.approx(disk.free / 2**20, rel=0.01)
    (kept,) = forecast._disks.values()
    assert len(kept) <= MAX_SAMPLES
    assert kept[-1].at_s - kept[0].at_s == pytest.approx(20_600, abs=200)


def test_what_is_kept_for_a_time_stops_growing(disk: SimpleNamespace, tmp_path: Path) -> None:
    """With retention of both, a disk that is full later than that is never full."""
    bounded = DiskForecast([tmp_path], bounded_s=DAY_S / 2)
    assert fill(disk, bounded, 1_200) is None
    disk.free = 10 * GIB
    short = DiskForecast([tmp_path], bounded_s=DAY_S / 2)
    assert fill(disk, short, 1_200) is not None
