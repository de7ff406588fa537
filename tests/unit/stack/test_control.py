"""What `up` and `down` check before they touch anything, and what `up` waits for."""

from __future__ import annotations

import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from spaf import clock
from spaf.errors import NotUpError, StackError
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.doctor import machine
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import SERVE
from spaf.stack.state import (
    JobPhase,
    JobState,
    Phase,
    RunFolder,
    RunState,
    ServiceState,
    ServiceStatus,
)
from spaf.trouble import trouble

PATIENCE_S = 20.0


def test_wipe_deletes_what_spaf_has_made(bare: Path) -> None:
    """The whole folder, and nothing outside of it."""
    home = RunFolder(bare / "run")
    home.create()
    (bare / "beside").touch()
    assert not control.down(Settings(home=home.folder), wipe=True)
    assert [p.name for p in bare.iterdir()] == ["beside"]


def test_wipe_deletes_nothing_of_anybody_else(bare: Path) -> None:
    """A slip in SPAF_HOME deletes no folder."""
    thesis = bare / "work" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.touch()
    with pytest.raises(StackError, match="SPAF did not create it"):
        control.down(Settings(home=thesis.parent), wipe=True)
    assert thesis.exists()


def test_wipe_of_no_folder_is_fine(bare: Path) -> None:
    """What was asked is true."""
    assert not control.down(Settings(home=bare / "none"), wipe=True)


def test_wipe_of_an_empty_folder_deletes_nothing(bare: Path) -> None:
    """It may be what a link of the user names, or a mount."""
    (bare / "run").mkdir()
    assert not control.down(Settings(home=bare / "run"), wipe=True)
    assert (bare / "run").is_dir()


def test_start_that_cannot_succeed_creates_nothing(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence of the check is the error, and no run folder is left."""
    monkeypatch.setattr(machine, "available_mib", lambda: 900)
    with pytest.raises(StackError, match="900 MiB of memory are available") as caught:
        control.up(Settings(), lambda _: None)
    assert "kafka.heap_mib" in caught.value.todo
    assert list(bare.iterdir()) == []


@pytest.fixture
def run(bare: Path) -> RunState:
    """Return the state of a run of this process, whose job runs."""
    RunFolder(bare / ".spaf").create()
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    return RunState(me.pid, me.started, Phase.RUNNING, job=JobState(JobPhase.RUNNING))


def test_second_start_of_the_same_moment_joins_the_first(bare: Path, run: RunState) -> None:
    """It starts nothing, shows the progress of the first, and returns when that is up."""
    home, seen = RunFolder(bare / ".spaf"), threading.Event()
    with ThreadPoolExecutor(1) as pool, (home.folder / control.START_LOCK).open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = pool.submit(control.up, Settings(), lambda _: seen.set())
        home.write(msgspec.structs.replace(run, phase=Phase.STARTING))
        assert seen.wait(PATIENCE_S)
        assert not second.done()
        home.write(run)
        first.close()
        assert second.result(PATIENCE_S) == run


def wait(bare: Path, *states: RunState) -> bool:
    """Wait for the page while the state of the run changes each time that it is read."""
    home = RunFolder(bare / ".spaf")
    following = iter(states)

    def write(_: object = None) -> None:
        state = next(following, None)
        if state is not None:
            home.write(state)

    write()
    return control.wait_for_page(Settings(), write)


def page(run: RunState, status: ServiceStatus) -> RunState:
    """Return the run with a page of this status."""
    services = {SERVE: ServiceState(SERVE, status, "http://127.0.0.1:8080")}
    return msgspec.structs.replace(run, services=services)


def test_up_waits_until_the_page_answers(bare: Path, run: RunState) -> None:
    """It is started after the job, and may be restarted before its first answer."""
    seen = (ServiceStatus.STARTING, ServiceStatus.RESTARTING, ServiceStatus.RUNNING)
    assert wait(bare, run, *(page(run, status) for status in seen))


def test_up_does_not_wait_for_ever(
    bare: Path, run: RunState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that does not come leaves the run alone."""
    monkeypatch.setattr(control, "PAGE_TIMEOUT_S", 0.1)
    assert not wait(bare, page(run, ServiceStatus.FAILED))


def test_a_bare_run_has_no_page(bare: Path, run: RunState) -> None:
    """A benchmark may hold the run folder."""
    assert wait(bare, msgspec.structs.replace(run, job=JobState()))


def test_a_run_that_ends_meanwhile_is_an_error(bare: Path, run: RunState) -> None:
    """The page of no run answers."""
    with pytest.raises(NotUpError):
        wait(bare, run, msgspec.structs.replace(run, supervisor_started=1.0))


def test_a_supervisor_that_was_killed_has_left_a_run_behind(bare: Path, run: RunState) -> None:
    """It could log no reason, in contrast to one that runs, has stopped, or has failed."""
    home = RunFolder(bare / ".spaf")
    assert not control.was_killed(Settings())
    gone = msgspec.structs.replace(run, supervisor_started=1.0)
    for state, killed in ((run, False), (gone, True)):
        home.write(state)
        assert control.was_killed(Settings()) is killed
    for phase in (Phase.STOPPING, Phase.FAILED):
        home.write(msgspec.structs.replace(gone, phase=phase))
        assert not control.was_killed(Settings())


@pytest.mark.parametrize(
    ("age_s", "lasting", "ends"), [(60.0, True, True), (60.0, False, False), (0.5, True, False)]
)
def test_up_does_not_wait_for_what_only_a_person_can_change(
    bare: Path, run: RunState, age_s: float, *, lasting: bool, ends: bool
) -> None:
    """It names the cause at once; a cause that SPAF removes itself is waited for."""
    now = clock.now_us() / 1e6
    found = trouble("topic_gone", lasting=lasting, topic="t")
    run.trouble = msgspec.structs.replace(found, since=now - age_s)
    run.written = now
    home = RunFolder(bare / ".spaf")
    if not ends:
        control._require_hope(home, run)
        return
    with pytest.raises(StackError, match="does not come up: Topic t has been deleted"):
        control._require_hope(home, run)
