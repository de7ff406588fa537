"""What is known of a run without a server: a full disk, suspended processes, an old state."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Never

import msgspec
import pytest

from spaf import clock
from spaf.stack import vitals
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.stack.state import (
    JobPhase,
    JobState,
    Phase,
    RunFolder,
    RunState,
    ServiceState,
    ServiceStatus,
)
from spaf.stack.vitals import (
    DISK_SLEEP,
    MIN_FREE_BYTES,
    STALE_S,
    disk_trouble,
    present_services,
    present_trouble,
    refused_write,
    status_problem,
    suspended_services,
    waits_for_disk,
)
from spaf.trouble import DiskOutlook, trouble

PROBLEM = trouble("kafka_error", problem="no")


@pytest.fixture
def sleeper() -> Iterator[ServiceState]:
    """Yield a service whose process sleeps."""
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        yield ServiceState(
            "kafka", ServiceStatus.RUNNING, "", pid=identity.pid, started=identity.started
        )
        process.kill()


def disk(monkeypatch: pytest.MonkeyPatch, **values: int) -> None:
    """Let every disk have these figures."""
    usual: dict[str, Any] = {
        "f_flag": 0,
        "f_bavail": 2 * MIN_FREE_BYTES,
        "f_frsize": 1,
        "f_files": 10,
        "f_favail": 5,
    }
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**usual | values))


def run(age_s: float) -> RunState:
    """Return a state that was written so long ago."""
    written = clock.now_us() / 1e6 - age_s
    return RunState(7, 1.0, Phase.RUNNING, trouble=PROBLEM, written=written)


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({}, "", ""),
        ({"f_bavail": MIN_FREE_BYTES - 1}, "disk_full", "32.0 MiB are free, at least 32 MiB"),
        ({"f_bavail": 0}, "disk_full", "is full: 0.0 MiB are free"),
        ({"f_flag": os.ST_RDONLY}, "folder_not_writable", "it is read-only"),
        ({"f_favail": 0}, "folder_not_writable", "no inode is left"),
        ({"f_files": 0, "f_favail": 0}, "", ""),
    ],
)
def test_a_disk_that_takes_nothing_more_is_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, int], code: str, words: str
) -> None:
    """With the folder, what is free and what is needed."""
    disk(monkeypatch, **values)
    found = disk_trouble([Path("/run-folder")])
    assert (found.code if found else "") == code
    if found is not None:
        assert "/run-folder" in found.what
        assert words in found.what


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    """It was deleted, or its disk was taken away."""
    assert disk_trouble([tmp_path]) is None
    found = disk_trouble([tmp_path, tmp_path / "none"])
    assert found is not None
    assert found.what.endswith("none cannot be written: No such file or directory.")


def test_a_suspended_process_is_found_by_its_service(sleeper: ServiceState) -> None:
    """One that runs, has ended, or is not SPAF's is not suspended."""
    external = ServiceState("postgres", ServiceStatus.EXTERNAL, "")
    assert sleeper.pid is not None
    assert suspended_services([sleeper, external]) == {}
    os.kill(sleeper.pid, signal.SIGSTOP)
    assert wait_until(lambda: suspended_services([sleeper]) == {"kafka": sleeper.pid}, 10)
    os.kill(sleeper.pid, signal.SIGCONT)
    assert wait_until(lambda: suspended_services([sleeper]) == {}, 10)


def test_a_suspended_child_is_found_if_asked_for(sleeper: ServiceState) -> None:
    """A session of PostgreSQL is a process of its own."""
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    assert sleeper.pid is not None
    parent = ServiceState("postgres", ServiceStatus.RUNNING, "", pid=me.pid, started=me.started)
    os.kill(sleeper.pid, signal.SIGSTOP)
    found = {"postgres": sleeper.pid}
    assert wait_until(lambda: suspended_services([parent], children=True) == found, 10)
    assert suspended_services([parent]) == {}


def test_a_new_state_has_the_published_cause(tmp_path: Path) -> None:
    """The supervisor writes it each second."""
    assert present_trouble(RunFolder(tmp_path), run(STALE_S / 2)) == PROBLEM


def test_an_old_state_means_that_the_supervisor_does_not_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk is full, or it is suspended itself."""
    found = present_trouble(RunFolder(tmp_path), run(STALE_S * 2))
    assert found is not None
    assert (found.code, found.parameters["pid"]) == ("supervisor_silent", "7")
    disk(monkeypatch, f_bavail=0)
    found = present_trouble(RunFolder(tmp_path), run(STALE_S * 2))
    assert found is not None
    assert found.code == "disk_full"


def test_a_refused_write_is_named_although_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota, or a disk with errors: only the attempt shows it, and it leaves nothing."""
    assert refused_write(tmp_path) is None
    assert list(tmp_path.iterdir()) == []

    def refuse(**_: object) -> Never:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = present_trouble(RunFolder(tmp_path), run(STALE_S * 2))
    assert found is not None
    assert found.what == f"The folder {tmp_path} cannot be written: Disk quota exceeded."


def test_a_disk_that_hangs_is_named_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that wrote to it would hang too."""
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    state = run(STALE_S * 2)
    state.supervisor_pid, state.supervisor_started = me.pid, me.started
    monkeypatch.setattr(vitals, "_thread_state", lambda *_: DISK_SLEEP)
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    found = present_trouble(RunFolder(tmp_path), state)
    assert found is not None
    assert (found.code, found.parameters["seconds"]) == ("disk_silent", f"{STALE_S * 2:.0f}")


def test_a_process_that_runs_waits_for_no_disk(sleeper: ServiceState) -> None:
    """A wait that a signal interrupts is none, and neither is a process that has ended."""
    assert sleeper.pid is not None
    assert not waits_for_disk(sleeper.pid)
    assert not waits_for_disk(2**22 + 1)
    assert vitals._thread_state(sleeper.pid, sleeper.pid) in "RS"
    assert vitals._thread_state(sleeper.pid, 0) == ""


def test_a_service_that_has_ended_is_not_shown_as_running(sleeper: ServiceState) -> None:
    """The supervisor cannot write that it has, if the disk is full."""
    gone = ServiceState("jobmanager", ServiceStatus.RUNNING, "", pid=2**22 + 1, started=1.0)
    external = ServiceState("postgres", ServiceStatus.EXTERNAL, "")
    known = {one.name: one for one in (sleeper, gone, external)}
    for age_s, shown in ((0.0, "running"), (2 * STALE_S, "restarting")):
        state = run(age_s)
        state.services = known
        states = {service.name: service.state.value for service in present_services(state)}
        assert states == {"kafka": "running", "jobmanager": shown, "postgres": "external"}


def test_the_problem_of_a_run_is_its_cause_or_what_shows_it(
    tmp_path: Path, sleeper: ServiceState
) -> None:
    """Everything may run while no sale is counted; a disk that will be full is no problem yet."""
    home = RunFolder(tmp_path / "run")
    home.create()

    def problem(**fields: object) -> str:
        supervisor = {"supervisor_pid": sleeper.pid, "supervisor_started": sleeper.started}
        home.write(msgspec.structs.replace(run(0), **supervisor, **fields))
        return status_problem(home)

    running = JobState(JobPhase.RUNNING)
    kafka = ServiceState("kafka", ServiceStatus.RESTARTING, "")
    near = DiskOutlook("/data", 3 * 2**30, 2 * 2**30, 1.5 * 86_400.0, 7_200.0)
    assert problem(trouble=None, job=running, disk=near) == ""
    assert problem(job=running) == PROBLEM.what
    assert problem(trouble=None, phase=Phase.STARTING) == "the run is starting"
    assert problem(trouble=None, services={"kafka": kafka}) == "kafka is restarting"
    assert problem(trouble=None, job=JobState(JobPhase.RESTARTING)) == "the job is RESTARTING"
    home.state.unlink()
    assert "Nothing runs" in status_problem(home)
