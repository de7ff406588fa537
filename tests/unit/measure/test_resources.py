"""Cost of the services: the largest memory, the processor time between two samples."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from spaf import clock
from spaf.measure import resources
from spaf.measure.resources import SAMPLE_INTERVAL_S, CoreUse, Sampler
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import Phase, RunFolder, RunState, ServiceState, ServiceStatus
from tests.support.load_results import LOAD

Readings = dict[str, tuple[float, float]]


class Scene:
    """A run folder without a run, and a clock and readings that a test sets."""

    def __init__(self, home: RunFolder) -> None:
        """Write the state of a run with two services of ours and one elsewhere."""
        me = ProcessIdentity.of(os.getpid())
        assert me is not None
        services = {
            name: ServiceState(name, ServiceStatus.RUNNING, "", pid=1, started=0.0)
            for name in ("kafka", "flink")
        }
        services["postgres"] = ServiceState("postgres", ServiceStatus.EXTERNAL, "h:1")
        home.create()
        home.write(RunState(me.pid, me.started, Phase.RUNNING, services=services))
        self.now = 100.0
        self.readings: Readings = {}
        self.sampler = Sampler(home, started=self.now)

    def sample(self, at: float, **readings: tuple[float, float]) -> None:
        """Take a sample at a second of the measurement."""
        self.now = 100.0 + at
        self.readings = readings
        self.sampler.sample()

    def restart(self, name: str, pid: int) -> None:
        """Give a service another process."""
        state = self.sampler.home.read()
        assert state is not None
        state.services[name].pid = pid
        self.sampler.home.write(state)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Replace the clock and the readings."""
    made = Scene(RunFolder(tmp_path))
    monkeypatch.setattr(clock, "monotonic", lambda: made.now)
    monkeypatch.setattr(resources, "resources", lambda s: made.readings[s.name])
    monkeypatch.setattr(resources, "_supervisor", lambda _: (0.0, 0.0))
    return made


def test_processor_time_counts_from_the_first_sample(scene: Scene) -> None:
    """The start of a service is not part of the measurement."""
    scene.sample(0, kafka=(10, 50), flink=(10, 7))
    scene.sample(4, kafka=(10, 51), flink=(10, 9))
    assert scene.sampler.cores() == pytest.approx(3 / 4)
    table = scene.sampler.table()
    assert (table["kafka"]["cpu_percent"], table["flink"]["cpu_percent"]) == (25.0, 50.0)


def test_largest_memory_is_kept(scene: Scene) -> None:
    """Each service at its own largest, though not at the same time."""
    scene.sample(0, kafka=(10, 0), flink=(300, 0))
    scene.sample(1, kafka=(90, 0), flink=(200, 0))
    assert scene.sampler.rss_mib() == 390
    assert scene.sampler.table()["kafka"]["rss_mib"] == 90


def test_restarted_service_counts_from_its_restart(scene: Scene) -> None:
    """Its new process starts at nothing; the time never becomes negative."""
    scene.sample(0, kafka=(10, 50), flink=(0, 0))
    scene.sample(2, kafka=(0, 0), flink=(0, 0))
    scene.sample(4, kafka=(10, 1), flink=(0, 0))
    assert scene.sampler.table()["kafka"]["cpu_percent"] == 25.0


def test_restart_is_known_by_the_pid(scene: Scene) -> None:
    """Though the new process has already used more than the old one had; both count."""
    scene.sample(0, kafka=(10, 1), flink=(0, 0))
    scene.sample(1, kafka=(10, 2), flink=(0, 0))
    scene.restart("kafka", pid=2)
    scene.sample(4, kafka=(10, 3), flink=(0, 0))
    assert scene.sampler.table()["kafka"]["cpu_percent"] == 100.0


def test_child_that_ends_takes_nothing_back(scene: Scene) -> None:
    """Closing a connection to PostgreSQL ends a process of its, and is no restart."""
    scene.sample(0, kafka=(10, 50), flink=(0, 0))
    scene.sample(1, kafka=(10, 52), flink=(0, 0))
    scene.sample(2, kafka=(10, 40), flink=(0, 0))
    scene.sample(4, kafka=(10, 41), flink=(0, 0))
    assert scene.sampler.table()["kafka"]["cpu_percent"] == 75.0


def test_service_elsewhere_is_not_in_the_table(scene: Scene) -> None:
    """What SPAF does not run it does not measure; the supervisor itself it does."""
    scene.sample(1, kafka=(1, 1), flink=(1, 1))
    assert set(scene.sampler.table()) == {"kafka", "flink", "supervisor"}


def test_samples_are_taken_at_intervals(scene: Scene) -> None:
    """Asking often costs nothing in between."""
    samples = []
    scene.readings = {"kafka": (1, 0), "flink": (1, 0)}
    for tenth in range(200):
        scene.now = 100.0 + tenth / 10
        before = scene.sampler.seconds
        scene.sampler.sample_if_due()
        if scene.sampler.seconds != before:
            samples.append(scene.sampler.seconds)
    gaps = [b - a for a, b in zip([0.0, *samples], samples, strict=False)]
    assert len(samples) == 3
    assert all(SAMPLE_INTERVAL_S < gap <= SAMPLE_INTERVAL_S + 0.21 for gap in gaps)


def test_run_that_has_ended_adds_nothing(scene: Scene) -> None:
    """An empty folder gives no sample."""
    scene.sampler.home.state.unlink()
    scene.sample(3)
    assert (scene.sampler.table(), scene.sampler.seconds) == ({}, 0.0)


def test_supervisor_is_measured_for_real(tmp_path: Path) -> None:
    """This process stands for it: it has memory, and has used the processor."""
    scene = Scene(RunFolder(tmp_path))
    state = scene.sampler.home.read()
    assert state is not None
    memory, cpu = resources._supervisor(state)
    assert memory > 1
    assert cpu > 0
    state.supervisor_started -= 5
    assert resources._supervisor(state) == (0.0, 0.0)


BUSY_LOAD = msgspec.structs.replace(LOAD, cpu_s=4.0)


@pytest.mark.parametrize(("busy_s", "waits"), [(12.0, False), (19.5, True)])
def test_who_used_the_cores_is_said(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, busy_s: float, *, waits: bool
) -> None:
    """The generator, the pipeline, and the rest; and whether a program had to wait for one."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(resources, "busy_seconds", lambda: scene.sampler.busy_before_s + busy_s)
    scene.sample(0, kafka=(0.0, 1.0), flink=(0.0, 1.0))
    scene.sample(10, kafka=(0.0, 3.0), flink=(0.0, 6.0))
    use = scene.sampler.core_use(BUSY_LOAD)
    assert use == CoreUse(2, busy_s / 10, 0.7, 0.4, realtime=False)
    assert use.sentence.startswith(
        "The generator (ordinary priority, because `ulimit -r` is 0) used 0.40, the pipeline 0.70 "
    )
    assert use.sentence.endswith("waits for a core.") == waits
