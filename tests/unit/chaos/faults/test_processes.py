"""Faults of processes, made on small ones: each happens, and what can be lifted is as before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from spaf.chaos.fault import JOIN, Scene
from spaf.chaos.faults import starve
from spaf.chaos.faults.signals import KilledServices, PausedServices
from spaf.chaos.faults.starve import BusyMachine, ControlGroup, StarvedServices, refusal
from spaf.chaos.faults.supervisor import EndedRun, PausedSupervisor
from spaf.errors import StackError
from spaf.stack.process import wait_until

# Far above what a process of a test needs to end or to stop, seconds.
PATIENCE_S = 20.0
# An account without rights, on every Linux.
NOBODY = 65_534
MakeScene = Callable[..., Scene]


def status_of(scene: Scene, name: str) -> str:
    """Return the state of the process of a service."""
    pid = scene.run.state().services[name].pid
    assert pid is not None
    return psutil.Process(pid).status()


def test_a_kill_hits_each_service_of_its_target(make_scene: MakeScene) -> None:
    """And no other one."""
    scene = make_scene("kafka", "postgres", "serve")
    fault = KilledServices(scene, JOIN.join(("kafka", "postgres")))
    assert not fault.happened()
    fault.inject()
    assert wait_until(fault.happened, PATIENCE_S)
    assert status_of(scene, "serve") != psutil.STATUS_ZOMBIE


def test_a_service_without_a_process_cannot_be_hit(make_scene: MakeScene) -> None:
    """It says so, instead of counting as a fault that was survived."""
    scene = make_scene("kafka")
    with pytest.raises(StackError, match="postgres has no process"):
        KilledServices(scene, "postgres").inject()


def test_a_pause_is_lifted(make_scene: MakeScene) -> None:
    """A suspended service goes on; to lift twice, or without an injection, does no harm."""
    scene = make_scene("jobmanager")
    fault = PausedServices(scene, "jobmanager")
    fault.lift()
    fault.inject()
    assert wait_until(fault.happened, PATIENCE_S)
    for _ in range(2):
        fault.lift()
    assert wait_until(lambda: status_of(scene, "jobmanager") != psutil.STATUS_STOPPED, PATIENCE_S)


def test_the_supervisor_is_suspended_and_goes_on(make_scene: MakeScene) -> None:
    """The same for the process above the services."""
    scene = make_scene()
    fault = PausedSupervisor(scene, "supervisor")
    fault.inject()
    assert wait_until(fault.happened, PATIENCE_S)
    fault.lift()
    assert wait_until(lambda: not fault.happened(), PATIENCE_S)


def test_a_killed_supervisor_is_started_anew(make_scene: MakeScene) -> None:
    """By what the scene starts runs with, and only if it was killed."""
    started: list[bool] = []
    made = make_scene()
    scene = Scene(made.run, lambda: started.append(True))
    fault = EndedRun(scene, "supervisor")
    fault.lift()
    assert not started
    fault.inject()
    assert wait_until(fault.happened, PATIENCE_S)
    fault.lift()
    assert started == [True]


def test_busy_programs_end_with_the_fault(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is left. One a core: more of them only take the machine from the other tests."""
    monkeypatch.setattr(starve, "BURNERS_PER_CORE", 1)
    before = set(psutil.Process().children())
    fault = BusyMachine(make_scene(), "machine")
    fault.inject()
    assert fault.happened()
    fault.lift()
    assert not fault.happened()
    left = set(psutil.Process().children()) - before
    assert not [process for process in left if "while True" in " ".join(process.cmdline())]


@pytest.mark.skipif(bool(refusal("cpu")), reason=f"NOT TESTED: {refusal('cpu')}")
def test_a_control_group_is_left_and_removed(make_scene: MakeScene) -> None:
    """A starved process is back where it was."""
    scene = make_scene("kafka")
    group = Path(f"/proc/{scene.run.state().services['kafka'].pid}/cgroup")
    before = group.read_text()
    fault = StarvedServices(scene, "kafka")
    fault.inject()
    assert group.read_text() != before
    fault.lift()
    fault.lift()
    assert group.read_text() == before


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Give up the rights of root for a test, if there are any."""
    account = os.geteuid()
    if account == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(account)


@pytest.mark.usefixtures("ordinary_user")
def test_what_a_user_may_not_do_is_said() -> None:
    """With the error of the kernel."""
    assert "control group" in refusal("cpu")
    with pytest.raises(OSError, match="denied"):
        ControlGroup("cpu")
