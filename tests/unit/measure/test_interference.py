"""Each thing that disturbs a measurement is named, and nothing else makes it invalid."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import psutil
import pytest

from spaf import clock
from spaf.measure import machine_state as states
from spaf.measure.interference import Interference
from spaf.measure.machine_state import MachineState, control_groups, machine_state, throttled_s
from spaf.measure.process_table import ProcessRow
from spaf.measure.system_sampler import Head, SystemSampler, _growth
from tests.support.interference import QUIET

STATE = MachineState(10.0, 1_000_000, 500, 20.0, 1.0, 0.0, 0, 0, 0, 0)
# Processor time that the other program of a test uses before its samples are judged.
BURNT_S = 0.3
WAIT_S = 60.0


def test_a_quiet_machine_gives_no_reason() -> None:
    """Other programs may use a twentieth of the cores."""
    assert QUIET.reasons == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"other_cores": 0.11, "other_name": "ffmpeg"},
            "other programs used 0.11 of 2 cores, most of it ffmpeg",
        ),
        ({"unseen_cores": 0.5}, "programs that cannot be seen from here used 0.50 of 2 cores"),
        ({"steal_cores": 0.05}, "other virtual machines took 0.05 cores from this one"),
        ({"throttled_s": 0.07}, "the limit of processor time stopped the programs for 0.07 s"),
        ({"heat_throttles": 3}, "the processor slowed down 3 times because it was hot"),
        ({"clock_step_ms": -1500.0}, "the wall clock was set by -1,500.0 ms"),
        ({"clock_step_ms": 1.0}, "the wall clock was set by +1.0 ms"),
    ],
)
def test_each_disturbance_is_named(change: dict[str, float], reason: str) -> None:
    """With its size."""
    assert msgspec.structs.replace(QUIET, **change).reasons == [reason]


def test_an_interval_is_the_growth_of_the_counters() -> None:
    """Over its time; what no process explains is left."""
    after = MachineState(20.0, 11_000_000, 2_500, 31.0, 1.5, 0.25, 2, 0, 0, 9)
    found = Interference.between((STATE, after), {"a": 1.0, "b": 2.0}, own_s=6.0)
    assert (found.seconds, found.other_cores, found.other_name) == (10.0, 0.3, "b")
    assert (found.unseen_cores, found.steal_cores) == (0.2, 0.05)
    assert (found.throttled_s, found.heat_throttles, found.clock_step_ms) == (0.25, 2, 2.0)


def test_the_clock_that_is_set_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found between two states; the monotonic clock goes on as before."""
    before = machine_state()
    steady = Interference.between((before, machine_state()), {}, 0.0)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 250_000_000)
    stepped = Interference.between((before, machine_state()), {}, 0.0)
    assert abs(steady.clock_step_ms) < 1
    assert stepped.clock_step_ms == pytest.approx(250, abs=1)
    assert any("the wall clock was set by +2" in reason for reason in stepped.reasons)


def test_a_wait_for_a_core_is_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the readings was interrupted for a while; the quickest one counts."""
    readings = iter([0, 10, 50_000_000, *range(100_000_000, 100_000_100, 5)])
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(readings))
    monkeypatch.setattr(time, "time_ns", lambda: next(readings) + 7_000_000)
    assert clock.offset_us() == 7_000


@pytest.fixture
def noisy(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program called `noisy` that uses a core."""
    program = tmp_path / "noisy"
    program.symlink_to("/bin/sh")
    child = subprocess.Popen([program, "-c", "while :; do :; done"])
    yield child
    child.kill()
    child.wait()


def wait_for_use(process: psutil.Process) -> None:
    """Wait until a process has used some processor time more."""

    def used_s() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    enough_s, deadline = used_s() + BURNT_S, clock.monotonic() + WAIT_S
    while used_s() < enough_s and clock.monotonic() < deadline:
        clock.sleep(0.02)


def test_another_program_is_found(noisy: subprocess.Popen[bytes]) -> None:
    """Its processor time is that of another program, by its name."""
    other = psutil.Process(noisy.pid)
    sampler = SystemSampler(list)
    first = sampler.sample()
    wait_for_use(other)
    last = sampler.sample()
    use = sampler._ticks[last].use
    assert use.others_s["noisy"] >= BURNT_S / 2
    assert sampler.between(first, last).other_cores > 0
    assert use.own_s == {}


def test_a_program_of_the_measurement_is_none(noisy: subprocess.Popen[bytes]) -> None:
    """Its time, memory and disk are series of its own."""
    mine = psutil.Process(noisy.pid)
    sampler = SystemSampler(lambda: [Head("load", mine.pid, mine.create_time())])
    sampler.sample()
    wait_for_use(mine)
    use = sampler._ticks[sampler.sample()].use
    assert use.own_s["load"] >= BURNT_S / 2
    assert "noisy" not in use.others_s
    series = sampler.series()
    assert series["load/cpu_cores"][1] > 0
    assert series["load/memory_mib"][1] > 0
    assert {"load/disk_read_bytes", "load/disk_write_bytes"} <= set(series)
    assert series["at_us"].shape == series["machine/busy_cores"].shape == (2,)


def test_a_pid_that_is_used_again_is_another_program(noisy: subprocess.Popen[bytes]) -> None:
    """The state of an earlier run may name it."""
    stale = Head("kafka", noisy.pid, psutil.Process(noisy.pid).create_time() - 100)
    sampler = SystemSampler(lambda: [stale])
    sampler.sample()
    wait_for_use(psutil.Process(noisy.pid))
    assert "noisy" in sampler._ticks[sampler.sample()].use.others_s


def test_a_set_clock_makes_no_program_another(
    noisy: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start times that are read after the step are moved by it."""
    started = psutil.Process(noisy.pid).create_time()
    sampler = SystemSampler(lambda: [Head("load", noisy.pid, started + 3_600)])
    sampler.sample()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3_600 * 10**9)
    wait_for_use(psutil.Process(noisy.pid))
    assert "noisy" not in sampler._ticks[sampler.sample()].use.others_s


def test_samples_go_on_until_the_end() -> None:
    """In a thread of their own, one at the start and one at the end too."""
    sampler = SystemSampler(list, interval_s=0.01)
    sampler.start()
    deadline = clock.monotonic() + WAIT_S
    while len(sampler._ticks) < 4 and clock.monotonic() < deadline:
        clock.sleep(0.01)
    sampler.stop()
    times = sampler.series()["at_us"]
    assert len(times) >= 4
    assert (times[1:] > times[:-1]).all()


def test_a_throttled_group_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both versions of control groups, in microseconds and in nanoseconds."""
    (tmp_path / "two").mkdir()
    (tmp_path / "cpu.stat").write_text("nr_throttled 3\nthrottled_usec 40000\n")
    (tmp_path / "two" / "cpu.stat").write_text("nr_throttled 1\nthrottled_time 2000000000\n")
    monkeypatch.setattr(states, "control_groups", lambda _: [tmp_path, tmp_path / "two"])
    assert throttled_s() == pytest.approx(2.04)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_a_container_is_read(
    files: dict[str, str], cores: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both versions of control groups."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(states, "control_groups", lambda _: [tmp_path])
    assert states.cpu_limit_cores() == cores


def test_the_memory_limit_of_a_container_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest number of version 1, and `max`, are no limit."""
    monkeypatch.setattr(states, "control_groups", lambda _: [tmp_path])
    for content in ("max", "9223372036854771712"):
        (tmp_path / "memory.max").write_text(content)
        assert states.memory_limit_mib() is None
    (tmp_path / "memory.max").write_text(str(2**28))
    assert states.memory_limit_mib() == 256


def test_this_process_is_in_groups_that_exist() -> None:
    """Or in none, on a machine without them."""
    assert all(group.is_dir() for group in control_groups("cpu"))


# Joins a control group that may use a tenth of a core, uses more, and prints the reasons.
THROTTLED = """
import sys, time
from pathlib import Path
from spaf.measure.interference import Interference
from spaf.measure.machine_state import machine_state
group = Path(sys.argv[1])
(group / "cgroup.procs").write_text("0")
before = machine_state()
end = time.monotonic() + 0.4
while time.monotonic() < end:
    pass
print(*Interference.between((before, machine_state()), {}, 0.0).reasons, sep="\\n")
"""


@pytest.fixture
def limited_group() -> Iterator[Path]:
    """Create a control group that may use 10 ms of processor time in 100 ms."""
    group = states.CGROUPS / "cpu" / f"spaf-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here ({error.strerror})")
    (group / "cpu.cfs_period_us").write_text("100000")
    (group / "cpu.cfs_quota_us").write_text("10000")
    yield group
    group.rmdir()


def test_a_limit_that_stops_the_programs_is_named(limited_group: Path) -> None:
    """By the real thing, where this account may make a control group."""
    command = [sys.executable, "-c", THROTTLED, str(limited_group)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_S)
    assert "the limit of processor time stopped the programs for" in done.stdout


def test_bytes_of_a_process_that_has_ended_count_once() -> None:
    """The kernel adds them to those of its parent, which has another name here."""
    row = ProcessRow(11, 10, "server", 0.0, 0.0, 0.0, 1.0)
    before = {"postgres/disk_write_bytes/11": 500.0, "supervisor/disk_write_bytes/10": 40.0}
    after = {"supervisor/disk_write_bytes/10": 40.0 + 500.0 + 7.0}
    assert _growth(before, after, {11: row}) == {"supervisor/disk_write_bytes": 7.0}


def test_the_time_that_is_not_idle_is_busy() -> None:
    """Ticks sample a load that has their period always at the same point of it."""

    def times(**changed: float) -> SimpleNamespace:
        return SimpleNamespace(**{"user": 9.0, "idle": 100.0, "iowait": 1.0} | changed)

    before = states.busy_s(times(), 500.0, 2)
    after = states.busy_s(times(user=17.0, idle=115.0, iowait=1.5), 510.0, 2)
    assert after - before == pytest.approx(4.5)
    # Time that the hypervisor took was used by no program here.
    stolen = states.busy_s(times(idle=115.0, iowait=1.5, steal=2.0), 510.0, 2)
    assert stolen - before == pytest.approx(2.5)
