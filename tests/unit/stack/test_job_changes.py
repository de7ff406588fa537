"""What a person has done with the job: orders, stops with and without a savepoint, upgrades."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from spaf import clock
from spaf.errors import JobError
from spaf.job.flink_client import JobStatus, SavepointRequest
from spaf.settings import JobSettings, Settings
from spaf.stack import job_changes, job_orders, job_stop
from spaf.stack.job_changes import REPLACED, JobChanges
from spaf.stack.job_stop import JobEnd, JobStop
from spaf.stack.job_upgrade import UpgradeStep
from spaf.stack.service_names import GROUP, is_run_group, next_group
from spaf.stack.state import JobAction, JobOrder, JobPhase, JobState, RunFolder
from spaf.trouble import Trouble

CHANGED = {"job": JobSettings(flush_ms=9).model_dump(mode="json"), "sale": {}}


class Cluster:
    """Stands for the client of a cluster with one job."""

    def __init__(self) -> None:
        """Let the job run."""
        self.state: str | None = "RUNNING"
        self.taken = SavepointRequest(complete=False)
        self.asked: list[str] = []

    def cancel(self, job: str) -> None:
        """Note it."""
        self.asked.append(f"cancel {job}")

    def stop_with_savepoint(self, job: str, folder: str | None) -> str:
        """Note it."""
        self.asked.append(f"stop {job} to {folder}")
        return "request"

    def savepoint(self, _: str, request: str) -> SavepointRequest:
        """Return how far it is."""
        assert request == "request"
        return self.taken

    def status(self, job: str) -> JobStatus | None:
        """Return the state of the job."""
        return None if self.state is None else JobStatus(job, self.state, 1, 1)


class Target:
    """Stands for what the job reads and writes: its state depends on the flush interval only."""

    def state_digest(self, settings: Settings) -> str:
        """Return something that changes with some settings."""
        return str(settings.job.surge_score)


class Job:
    """Stands for the supervisor of a job that runs."""

    def __init__(self) -> None:
        """Let it run."""
        self.state = JobState(JobPhase.RUNNING, "j")
        self.settings = Settings.model_construct()
        self.target: Any = Target()
        self.flink: Any = Cluster()
        self.trouble: Trouble | None = None
        self.handing_over = False
        self.recording = threading.Lock()
        self.done: list[str] = []
        self.beside = ""

    def hold(self) -> None:
        """Stop."""
        self.state.state, self.state.id = JobPhase.STOPPED, ""
        self.done.append("hold")

    def go_on(self) -> None:
        """Start."""
        self.state.state = JobPhase.SUBMITTING
        self.done.append("go on")

    def settle(self) -> None:
        """Record the checkpoint."""
        self.done.append("settle")

    def runs_beside(self, claim: str) -> None:
        """Know the job beside."""
        self.beside = claim

    def savepoint_folder(self) -> str:
        """Return a folder."""
        return "s3://b"

    def change_settings(self, chosen: Settings, _: Any) -> None:
        """Take other settings."""
        self.settings = chosen
        self.done.append("change")

    def take_over(self, job_id: str, chosen: Settings, _: Any) -> None:
        """Go on with another job."""
        self.settings, self.state.id = chosen, job_id
        self.done.append("take over")


class Upgrade:
    """Stands for an upgrade that a test leads."""

    begun: Upgrade

    def __init__(self, settings: Settings, *_: Any) -> None:
        """Begin."""
        Upgrade.begun = self
        self.settings, self.step, self.job_id = settings, UpgradeStep.PLANNING, "new"
        self.target: Any = type("T", (), {"claim": "c2"})
        self.moved, self.shown = self.target, "counts"
        self.done: list[str] = []
        self.problem = ""

    def begin(self) -> None:
        """Fail, if the test says so."""

    def poll(self) -> None:
        """Fail, if the test says so."""
        if self.problem:
            raise JobError(self.problem)

    def close(self) -> None:
        """Go on to the last step."""
        self.step = UpgradeStep.CLOSING

    def abandon(self) -> None:
        """Note it."""
        self.done.append("abandon")

    def clean_up(self) -> None:
        """Note it."""
        self.done.append("clean up")


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Return a run folder."""
    folder = RunFolder(bare / ".spaf")
    folder.create()
    return folder


@pytest.fixture
def job() -> Job:
    """Return a job that runs."""
    return Job()


@pytest.fixture
def changes(job: Job, home: RunFolder, monkeypatch: pytest.MonkeyPatch) -> JobChanges:
    """Return what carries out its orders."""
    monkeypatch.setattr(job_changes, "JobUpgrade", Upgrade)
    return JobChanges(cast("Any", job), home)


@pytest.fixture
def order(home: RunFolder) -> Callable[..., None]:
    """Return a function that gives an order; its id is its number."""
    given = 0

    def give(action: JobAction, **details: Any) -> None:
        nonlocal given
        given += 1
        home.write_job_order(JobOrder(str(given), action, **details))

    return give


def test_stopped_job_is_cancelled_and_left_alone(
    job: Job, changes: JobChanges, order: Callable[..., None]
) -> None:
    """Its checkpoint is recorded; only an order starts it again."""
    assert not changes.poll()
    order(JobAction.STOP)
    assert changes.poll()
    assert changes.poll()
    assert (job.flink.asked, job.state.order) == (["cancel j"], "")
    job.flink.state = "CANCELED"
    assert changes.poll()
    assert job.done == ["settle", "hold"]
    assert (job.state.order, job.state.order_problem) == ("1", "")
    changes.poll()
    order(JobAction.START)
    changes.poll()
    assert job.done == ["settle", "hold", "go on"]
    assert job.state.order == "2"


def test_stop_outlives_the_supervisor(
    job: Job, home: RunFolder, order: Callable[..., None]
) -> None:
    """The next one does not start the job."""
    order(JobAction.STOP)
    JobChanges(cast("Any", job), home)
    assert job.done == ["hold"]
    order(JobAction.START)
    JobChanges(cast("Any", job), home)
    assert (job.done, job.state.order) == (["hold"], "2")


def test_savepoint_is_waited_for(job: Job, changes: JobChanges, order: Callable[..., None]) -> None:
    """The job has ended once it is complete and Flink says so."""
    order(JobAction.STOP, savepoint=True)
    changes.poll()
    job.flink.taken = SavepointRequest(complete=True, path="s3://b/savepoint-1")
    changes.poll()
    assert job.state.order == ""
    job.flink.state = "FINISHED"
    changes.poll()
    assert (job.state.order, job.state.savepoint) == ("1", "s3://b/savepoint-1")
    assert job.flink.asked == ["stop j to s3://b"]


def test_job_goes_on_without_its_savepoint(
    job: Job, changes: JobChanges, home: RunFolder, order: Callable[..., None]
) -> None:
    """Also after a restart of the supervisor."""
    order(JobAction.STOP, savepoint=True)
    changes.poll()
    job.flink.taken = SavepointRequest(complete=True, failure="java.io.IOException: read-only")
    changes.poll()
    assert job.done == []
    assert "read-only" in job.state.order_problem
    kept = home.job_order()
    assert kept is not None
    assert kept.action is JobAction.START
    job.state.state = JobPhase.RESTARTING
    order(JobAction.STOP, savepoint=True)
    changes.poll()
    assert "RESTARTING: there is no savepoint" in job.state.order_problem


def test_order_waits_for_a_job_that_is_being_handed_over(
    job: Job, changes: JobChanges, order: Callable[..., None]
) -> None:
    """Its id is not known yet."""
    job.handing_over = True
    order(JobAction.STOP)
    assert not changes.poll()
    job.handing_over = False
    assert changes.poll()


def test_job_that_does_not_end_is_told(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on."""
    stop = JobStop(job.flink, "j", savepoint=False, folder=None)
    assert stop.poll() is None
    monkeypatch.setattr(clock, "monotonic", lambda: stop._deadline + 1)
    assert stop.poll() == JobEnd(
        problem=f"The job has not ended within {job_stop.STOP_TIMEOUT_S:.0f} s."
    )


def test_settings_that_fit_the_state_are_resumed(
    job: Job, changes: JobChanges, order: Callable[..., None]
) -> None:
    """From a savepoint; none are needed for what has not changed."""
    same = {"job": JobSettings().model_dump(mode="json")}
    order(JobAction.UPGRADE, settings=same)
    changes.poll()
    assert (job.state.order, job.state.upgraded, job.flink.asked) == ("1", "", [])
    order(JobAction.UPGRADE, settings=CHANGED)
    changes.poll()
    job.flink.taken = SavepointRequest(complete=True, path="s3://b/savepoint-1")
    job.flink.state = "FINISHED"
    changes.poll()
    assert job.done == ["settle", "change", "go on"]
    assert job.settings.job.flush_ms == 9
    assert "savepoint-1" in job.state.upgraded


@pytest.fixture
def upgrade(job: Job, changes: JobChanges, order: Callable[..., None]) -> Upgrade:
    """Return an upgrade that counts the topic anew."""
    order(JobAction.UPGRADE, settings={"job": {"surge_score": 9.0}})
    assert not changes.poll()
    assert job.beside == "c2"
    assert job.state.upgrade == "counts"
    return Upgrade.begun


def test_upgraded_job_takes_the_place_of_the_present_one(
    job: Job, changes: JobChanges, upgrade: Upgrade
) -> None:
    """Which goes on until the new one has caught up."""
    upgrade.step = UpgradeStep.CAUGHT_UP
    changes.poll()
    assert job.flink.asked == ["cancel j"]
    assert job.state.order == ""
    job.flink.state = None
    assert changes.poll()
    assert changes.closing
    assert job.trouble is not None
    assert job.trouble.code == "job_upgrading"
    upgrade.step = UpgradeStep.SWAPPED
    changes.poll()
    assert job.done == ["settle", "take over"]
    assert upgrade.done == ["clean up"]
    assert (job.state.id, job.state.order, job.state.upgraded) == ("new", "1", REPLACED)
    assert (job.state.upgrade, changes.closing) == ("", False)


def test_upgrade_that_fails_leaves_the_present_job(
    job: Job, changes: JobChanges, upgrade: Upgrade
) -> None:
    """What it has made is removed, and the command learns why."""
    upgrade.problem = "The new job has ended."
    assert not changes.poll()
    assert upgrade.done == ["abandon"]
    assert (job.state.order, job.state.order_problem) == ("1", "The new job has ended.")
    assert (job.state.upgrade, job.beside, changes.companion) == ("", "", None)


def test_stop_ends_an_upgrade(
    job: Job, changes: JobChanges, upgrade: Upgrade, order: Callable[..., None]
) -> None:
    """A second upgrade does not."""
    order(JobAction.UPGRADE, settings={"job": {"surge_score": 8.0}})
    changes.poll()
    assert "Another upgrade is going on" in job.state.order_problem
    assert upgrade.done == []
    order(JobAction.STOP)
    changes.poll()
    assert upgrade.done == ["abandon"]
    assert job.flink.asked == ["cancel j"]


def test_new_tables_wait_for_a_position_that_is_being_recorded(
    job: Job, changes: JobChanges, upgrade: Upgrade
) -> None:
    """It is one of the present job."""
    upgrade.problem = "polled"
    with job.recording:
        changes.poll()
        assert job.state.order == ""
    changes.poll()
    assert job.state.order_problem == "polled"


def test_groups_are_numbered() -> None:
    """Each upgrade that counts anew has the next one."""
    assert next_group(GROUP) == "spaf-job-2"
    assert next_group("spaf-job-9") == "spaf-job-10"
    assert [is_run_group(one) for one in (GROUP, "spaf-job-2", "spaf-job-x", "drain")] == [
        *(True, True),
        *(False, False),
    ]


class Seen:
    """Stands for a run whose state changes at each look."""

    def __init__(self, home: RunFolder, *states: JobState) -> None:
        """Keep the states; the last one stays."""
        self.home, self._states = home, list(states)
        self.settings = Settings.model_construct()

    def state(self) -> Any:
        """Return the next state."""
        job = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return type("State", (), {"job": job})

    def lasting_trouble(self) -> Trouble | None:
        """Return none."""
        return None


def test_command_waits_for_its_order(home: RunFolder) -> None:
    """And learns why it was not carried out, or that another one was given."""
    run = Seen(home, JobState())
    order = job_orders.give(cast("Any", run), JobAction.UPGRADE)
    assert order.settings.keys() == {"job", "sale"}
    assert home.job_order() == order
    done, failed = JobState(order=order.id), JobState(order=order.id, order_problem="No slot.")
    watched: list[JobState] = []
    seen = cast("Any", Seen(home, JobState(upgrade="counts"), done))
    assert job_orders.wait_for(seen, order, watched.append) is done
    assert len(watched) == 2
    with pytest.raises(JobError, match="No slot"):
        job_orders.wait_for(cast("Any", Seen(home, failed)), order)
    job_orders.give(cast("Any", run), JobAction.STOP)
    with pytest.raises(JobError, match="Another order"):
        job_orders.wait_for(cast("Any", run), order)


def test_command_waits_until_the_job_runs(home: RunFolder) -> None:
    """An order that is carried out has begun a submission."""
    runs = JobState(JobPhase.RUNNING, "j")
    run = Seen(home, JobState(JobPhase.SUBMITTING), runs)
    assert job_orders.wait_until_running(cast("Any", run)) is runs
