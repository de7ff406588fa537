"""A TaskManager counts on until the job runs on its successor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spaf import clock
from spaf.stack import process
from spaf.stack.managed_service import ManagedService
from spaf.stack.process import ProcessIdentity, ServiceProcess
from spaf.stack.service_names import TASKMANAGER
from spaf.stack.state import JobPhase, JobState, ServiceStatus
from spaf.stack.task_manager_renewal import CATCH_UP_S, TaskManagerRenewal

OLD, NEW = "a" * 32, "b" * 32
TIMEOUT_S = 40.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagedService]:
    """Yield a TaskManager that was started; it is an idle process."""
    argv = ["/bin/sleep", "60"]
    made = ManagedService(
        ServiceProcess(TASKMANAGER, argv, "", tmp_path / "log", ready=lambda: True)
    )
    made.start()
    made.poll(run_is_starting=False)
    yield made
    made.stop()


@pytest.fixture
def begun(manager: ManagedService) -> Callable[[], tuple[TaskManagerRenewal, ProcessIdentity]]:
    """Return a function that lets the TaskManager have a successor."""

    def begin() -> tuple[TaskManagerRenewal, ProcessIdentity]:
        before = manager.state.identity()
        assert before is not None
        renewal = TaskManagerRenewal(TIMEOUT_S)
        renewal.begin([manager], OLD)
        return renewal, before

    return begin


Begun = Callable[[], tuple[TaskManagerRenewal, ProcessIdentity]]


def test_the_old_process_ends_when_the_new_job_runs(
    manager: ManagedService, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before, and not because the job of the old JobManager was last seen to run."""
    renewal, before = begun()
    successor = manager.state.identity()
    assert successor not in (None, before)
    assert manager.state.state is ServiceStatus.RESTARTING
    for job in (
        JobState(id=OLD, state=JobPhase.RUNNING),
        JobState(state=JobPhase.SUBMITTING),
        JobState(id=NEW, state=JobPhase.STARTING),
        JobState(id=NEW, state=JobPhase.RUNNING),
    ):
        renewal.poll(job)
        assert before.alive()
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + CATCH_UP_S)
    renewal.poll(JobState(id=NEW, state=JobPhase.STARTING))
    assert not before.alive()
    manager.poll(run_is_starting=False)
    assert (manager.ready, manager.state.identity()) == (True, successor)
    assert manager.state.restarts == 0


def test_the_old_process_ends_before_it_turns_to_the_new_jobmanager(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have one name, and the JobManager knows one TaskManager of a name."""
    renewal, before = begun()
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + TIMEOUT_S)
    renewal.poll(JobState(state=JobPhase.SUBMITTING))
    assert not before.alive()


def test_a_second_successor_takes_the_place_of_the_first(
    manager: ManagedService, begun: Begun
) -> None:
    """The JobManager was killed twice: the process that counts goes on."""
    renewal, before = begun()
    first = manager.state.identity()
    renewal.begin([manager], NEW)
    assert first is not None
    assert (before.alive(), first.alive()) == (True, False)
    manager.stop()
    assert not before.alive()


def test_a_process_that_has_ended_has_no_successor(manager: ManagedService) -> None:
    """It is restarted as every service."""
    child = manager._child
    assert child is not None
    child.kill()
    child.wait()
    assert not manager.succeed("because of the test")
    assert manager.state.pid == child.pid


def test_the_process_that_counts_is_known_although_its_successor_has_ended(
    manager: ManagedService, begun: Begun
) -> None:
    """It is ended with the renewal, not left to turn to the JobManager by itself."""
    renewal, before = begun()
    child = manager._child
    assert child is not None
    child.kill()
    child.wait()
    renewal.begin([manager], NEW)
    assert before.alive()
    renewal.end()
    assert not before.alive()


def test_a_successor_that_cannot_be_started_leaves_the_process_alone(
    manager: ManagedService, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system lacks something for now; the run goes on."""

    def refuse(_: ServiceProcess) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(process, "start", refuse)
    renewal, before = begun()
    renewal.end()
    assert before.alive()
    assert manager.state.identity() == before
