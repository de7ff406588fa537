"""A job is started only for the topic whose sales are in its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf import clock
from spaf.errors import JobError, MissingError
from spaf.job import configuration
from spaf.job.flink_client import JobFailure, JobStatus
from spaf.settings import Settings
from spaf.stack.diagnosis import TopicFacts
from spaf.stack.job_supervisor import JobSupervisor
from spaf.stack.refusal import RefusedJobError
from spaf.stack.state import CountedTopic, JobPhase, RunFolder
from spaf.stack.submission import JobTarget
from spaf.store.access import Access
from spaf.topic import admin
from spaf.topic.admin import TopicDescription

COUNTED = CountedTopic("sales", "a", (0, 1))
SAME = TopicDescription("a", (0, 1), ())
ANOTHER = TopicDescription("b", (0, 1), ())
LARGER = TopicDescription("a", (0, 1, 2), ())


@pytest.fixture
def home(bare: Path) -> RunFolder:
    """Return a run folder whose tables hold the sales of a topic."""
    folder = RunFolder(bare / ".spaf")
    folder.create()
    folder.write_counted_topic("public", COUNTED)
    return folder


@pytest.fixture
def job(home: RunFolder) -> JobSupervisor:
    """Return the supervisor of a job that runs, on a cluster that only notes its cancellation."""
    access = Access.own("127.0.0.1", 1, "public", {"spaf_sink": "", "spaf_read": ""})
    target = JobTarget("k:1", "sales", "g", access, "http://f:1", home, home.checkpoints / "g")
    made = JobSupervisor(Settings(home=home.folder), home, target)
    cancelled: list[str] = []
    made.flink = cast("Any", SimpleNamespace(cancel=cancelled.append, cancelled=cancelled))
    made.state.id, made.state.state = "j", JobPhase.RUNNING
    return made


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Callable[[TopicDescription | None], None]:
    """Return a function that sets what the broker describes; None: no such topic."""

    def answer(described: TopicDescription | None) -> None:
        def describe(*_: str) -> TopicDescription:
            if described is None:
                raise MissingError("no such topic")
            return described

        monkeypatch.setattr(admin, "describe", describe)

    return answer


def seen(topic: TopicDescription) -> TopicFacts:
    """Return the facts of a topic."""
    return TopicFacts(id=topic.id, partitions=topic.partitions)


def cancelled(job: JobSupervisor) -> list[str]:
    """Return the jobs that were cancelled."""
    found: list[str] = cast("Any", job.flink).cancelled
    return found


def test_the_same_topic_is_read_on(job: JobSupervisor) -> None:
    """Also while nothing is known of it, and on a broker that gives no ids."""
    for facts in (None, seen(SAME), TopicFacts(), seen(SAME._replace(id=""))):
        job.check_topic(facts)
    assert cancelled(job) == []
    assert job.trouble is None


@pytest.mark.parametrize(
    ("facts", "code"),
    [(TopicFacts(gone=True), "topic_gone"), (seen(ANOTHER), "other_topic")],
)
def test_a_job_of_another_topic_is_cancelled_and_refused(
    job: JobSupervisor, facts: TopicFacts, code: str
) -> None:
    """Flink would go on in it at the old offsets."""
    job.check_topic(facts)
    job.check_topic(facts)
    assert cancelled(job) == ["j"]
    assert job.state.state is JobPhase.REFUSED
    assert job.trouble is not None
    assert (job.trouble.code, job.trouble.lasting) == (code, True)


def test_new_partitions_start_the_job_again_without_a_checkpoint(
    job: JobSupervisor, home: RunFolder
) -> None:
    """Whatever checkpoint there is knows nothing of them."""
    assert job._checkpoints is not None
    checkpoint = job._checkpoints / "j" / "chk-1" / "_metadata"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert job._resume_point() == checkpoint.parent
    job.check_topic(seen(LARGER))
    job.check_topic(seen(LARGER))
    assert cancelled(job) == ["j"]
    assert job.trouble is not None
    assert job.trouble.code == "partitions_added"
    assert job.trouble.parameters["partitions"] == "2"
    assert not job.trouble.lasting
    assert job._resume_point() is None
    assert home.counted_topics() == {"public": COUNTED}


@pytest.mark.parametrize(
    ("state", "submissions"), [("SUSPENDED", 0), ("RECONCILING", 0), ("CANCELED", 1)]
)
def test_a_job_that_the_next_leader_goes_on_with_is_not_submitted_again(
    job: JobSupervisor, monkeypatch: pytest.MonkeyPatch, state: str, submissions: int
) -> None:
    """A JobManager that gives up the leadership suspends its jobs; two of them would write."""
    planned: list[bool] = []
    monkeypatch.setattr(job, "plan", lambda: planned.append(True))
    job.flink = cast("Any", SimpleNamespace(status=lambda id_: JobStatus(id_, state, 0, 3)))
    job.poll()
    assert len(planned) == submissions
    assert job.state.id == "j"


def test_a_job_that_stays_suspended_is_submitted_again(
    job: JobSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZooKeeper has lost what it kept, so no leader will go on with the job."""
    planned: list[float] = []
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(job, "plan", lambda: planned.append(now[0]))
    states = iter(["SUSPENDED", "RUNNING", "SUSPENDED", "SUSPENDED", "SUSPENDED"])
    status = lambda id_: JobStatus(id_, next(states), 3, 3)  # noqa: E731 - of one line
    job.flink = cast("Any", SimpleNamespace(status=status))
    monkeypatch.setattr(job, "_failing_checkpoints", lambda: None)
    for second in (100.0, 140.0, 150.0, 170.0, 181.0):
        now[0] = second
        job.poll()
    assert planned == [181.0]


@pytest.mark.parametrize(
    ("described", "code"), [(None, "topic_gone"), (ANOTHER, "other_topic"), (SAME, "")]
)
def test_a_submission_is_refused_for_another_topic(
    job: JobSupervisor,
    broker: Callable[[TopicDescription | None], None],
    described: TopicDescription | None,
    code: str,
) -> None:
    """At the start of a run that is the message of `spaf up`."""
    broker(described)
    if not code:
        assert job._described_topic() == SAME
        return
    with pytest.raises(RefusedJobError) as caught:
        job._described_topic()
    assert caught.value.trouble.code == code
    assert "SPAF_POSTGRES__SCHEMA_NAME" in caught.value.todo


def test_the_cleanup_policy_is_kept_from_the_first_start(
    job: JobSupervisor, home: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later ones are compared with it, also after SPAF was down."""
    for policy in ("compact", "delete"):
        monkeypatch.setattr(admin, "topic_options", lambda *_, p=policy: {"cleanup.policy": p})
        job._keep_counted(LARGER)
        assert job.usual_policy == "compact"
    kept = CountedTopic("sales", "a", (0, 1, 2), "compact", "g")
    assert home.counted_topics() == {"public": kept}


def test_a_submission_that_fails_is_named_and_lasting_after_some(job: JobSupervisor) -> None:
    """One attempt may fail because a server has just gone."""
    lasting = []
    for _ in range(3):
        job.abandon(JobError("Too few slots.", todo="Add some."))
        assert job.trouble is not None
        assert job.trouble.line == "The job does not start: Too few slots. Add some."
        lasting.append(job.trouble.lasting)
    assert lasting == [False, False, True]


def test_checkpoints_with_another_number_of_key_groups_are_left_alone(
    job: JobSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flink cannot resume from them."""
    before = job.target.checkpoint_folder(job.settings)
    monkeypatch.setattr(configuration, "KEY_GROUPS_PER_TASK", 128)
    assert job.target.checkpoint_folder(job.settings) != before


def test_tables_of_two_schemas_and_topics_have_checkpoints_of_their_own(
    job: JobSupervisor, home: RunFolder
) -> None:
    """What was counted into other tables can never be resumed by mistake."""
    target = job.target
    second = replace(target, access=replace(target.access, schema="second"))
    targets = (target, second, replace(target, topic="other"))
    assert len({one.checkpoint_folder(job.settings) for one in targets}) == len(targets)
    home.write_counted_topic(second.tables, CountedTopic("sales", "b", (0,)))
    assert home.counted_topics()[target.tables] == COUNTED


def restored(
    job: JobSupervisor, state: str, *failures: JobFailure, newest: bool = False
) -> list[str]:
    """Poll a job of this state with these failures; return the jobs that were cancelled."""
    flink = cast("Any", job.flink)
    flink.status = lambda _: JobStatus("j", state, 3 if state == "RUNNING" else 0, 3)
    flink.failures = lambda _: list(failures)
    job._checkpoints = job._home.checkpoints if newest else None
    job._poll_cluster()
    return cancelled(job)


RESTORE = JobFailure(2**50, "UTFDataFormatException", restoring=True)
OTHER = JobFailure(2**50, "the database is away")


def test_a_checkpoint_that_no_task_can_read_is_not_used_again(job: JobSupervisor) -> None:
    """Flink would try it for ever; the next job starts from another one."""
    job.state.resumed_from = "chk-7"
    for failures in ((OTHER, OTHER, OTHER), (RESTORE, OTHER)):
        assert restored(job, "RESTARTING", *failures) == []
    assert restored(job, "RESTARTING", RESTORE, RESTORE) == ["j"]
    assert job._unusable == {Path("chk-7")}


def test_a_job_that_has_run_is_cancelled_for_its_newest_checkpoint(job: JobSupervisor) -> None:
    """Failures from before it ran do not count."""
    metadata = job._home.checkpoints / "plan" / "chk-3" / "_metadata"
    metadata.parent.mkdir(parents=True)
    metadata.touch()
    old = RESTORE._replace(at_ms=1)
    assert restored(job, "RUNNING", newest=True) == []
    assert restored(job, "RESTARTING", old, old, newest=True) == []
    assert restored(job, "RESTARTING", RESTORE, RESTORE, newest=True) == ["j"]
    assert job._unusable == {metadata.parent}
