"""What the tables know of their job: whose it is, and from where another one starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf import clock
from spaf.errors import JobError
from spaf.settings import JobSettings, PostgresSettings, Settings
from spaf.stack.recorded_job import IN_MEMORY, OWNER_SILENT_S, RecordedJob
from spaf.stack.refusal import RefusedJobError
from spaf.stack.state import RunFolder
from spaf.stack.submission import JobTarget
from spaf.store.access import Access
from spaf.store.job_record import JobRecord

NAME = "spaf sales to answers"
RECORD = JobRecord("spaf-job", claim="c1", job_id="j1", plan="p")
ELSEWHERE = "0123 other:/run"


class Cluster:
    """Stands for the client of a cluster."""

    url = "http://f:1"

    def __init__(self) -> None:
        """Run nothing, in the right version."""
        self.running: dict[str, str] = {}
        self.found_version = "2.3.1"

    def running_jobs(self) -> dict[str, str]:
        """Return id and name of each job."""
        return self.running

    def version(self) -> str:
        """Return the version."""
        return self.found_version


@pytest.fixture
def cluster() -> Cluster:
    """Return a cluster without a job."""
    return Cluster()


@pytest.fixture
def target(bare: Path) -> JobTarget:
    """Return a job on a cluster of the user's own."""
    home = RunFolder(bare / ".spaf")
    home.create()
    access = Access.external("postgresql://me:secret@127.0.0.1:1/none", "answers")
    return JobTarget("k:1", "sales", "g", access, "http://f:1", home, None)


@pytest.fixture
def recorded(target: JobTarget, cluster: Cluster) -> RecordedJob:
    """Return the record of this job."""
    return RecordedJob(Settings(home=target.home.folder), target, cast("Any", cluster))


def knows(recorded: RecordedJob, record: JobRecord) -> None:
    """Let the tables hold a record."""
    cast("Any", recorded).read = lambda: record


def test_job_resumes_from_what_the_tables_know(recorded: RecordedJob) -> None:
    """Of the same plan, young enough, in storage, and not one that has failed; else it says why."""
    now = clock.now_ms()
    whole = RECORD._replace(checkpoint="file:/c/chk-1", checkpoint_ms=now)
    assert recorded.resume_point(whole, "p", ()) == ("file:/c/chk-1", "")
    assert recorded.resume_point(JobRecord("g"), "p", ()) == (None, ""), "nothing was counted yet"
    cases: list[tuple[JobRecord, str, tuple[str, ...], str]] = [
        (RECORD, "p", (), "no checkpoint"),
        (whole, "q", (), "has changed"),
        (whole, "p", ("file:/c/chk-1",), "could not start from file:/c/chk-1"),
        (whole._replace(checkpoint_ms=now - 3_000_000), "p", (), "50 min old, and only 45 fit"),
        (whole._replace(checkpoint="<in memory>"), "p", (), IN_MEMORY),
    ]
    for record, plan, unusable, reason in cases:
        point = recorded.resume_point(record, plan, unusable)
        assert point.path is None
        assert reason in point.reason


def test_identifiers_of_sales_are_kept_for_less_time(target: JobTarget) -> None:
    """So with deduplication an older checkpoint does not fit."""
    settings = Settings(home=target.home.folder, job=JobSettings(deduplicate_minutes=1))
    recorded = RecordedJob(settings, target, cast("Any", Cluster()))
    old = RECORD._replace(checkpoint="file:/c/chk-1", checkpoint_ms=clock.now_ms() - 900_000)
    assert "only 11 fit" in recorded.resume_point(old, "p", ()).reason


def test_job_is_ours_by_its_id_or_by_the_claim_in_its_name(
    recorded: RecordedJob, cluster: Cluster
) -> None:
    """A cluster may have started it elsewhere, under another id."""
    cluster.running = {"j1": NAME, "j2": f"{NAME} [c1]", "j3": f"{NAME} [c9]", "j4": "another"}
    assert recorded.ours(RECORD) == ["j1", "j2"]
    assert recorded.ours(JobRecord("g")) == []


@pytest.mark.parametrize(
    "name", [NAME, f"{NAME} [c9]", "spaf sales to other"], ids=["old", "claim", "schema"]
)
def test_job_of_another_spaf_is_refused_and_left_alone(
    recorded: RecordedJob, cluster: Cluster, name: str
) -> None:
    """It counts the same topic in the same consumer group."""
    knows(recorded, RECORD)
    cluster.running = {"j1": f"{NAME} [c1]", "x": "spaf other to answers"}
    recorded.require_free()
    cluster.running["f"] = name
    with pytest.raises(RefusedJobError) as caught:
        recorded.require_free()
    assert caught.value.trouble.code == "foreign_job"
    assert f"`{name}` (f)" in caught.value.what


def test_cluster_of_another_version_is_refused(recorded: RecordedJob, cluster: Cluster) -> None:
    """The client that submits is of one version."""
    knows(recorded, RECORD)
    cluster.found_version = "1.20.1"
    with pytest.raises(JobError, match=r"is version 1\.20\.1, and SPAF's job needs 2\.3"):
        recorded.require_free()


def test_tables_of_a_run_that_is_there_are_refused(recorded: RecordedJob) -> None:
    """Until it has ended, or was silent for long."""
    theirs = RECORD._replace(owner=ELSEWHERE, owner_age_s=OWNER_SILENT_S / 2)
    knows(recorded, theirs)
    with pytest.raises(RefusedJobError) as caught:
        recorded.require_free()
    assert caught.value.trouble.code == "other_spaf"
    assert "(other:/run)" in caught.value.what
    for record in (
        theirs._replace(owner_age_s=OWNER_SILENT_S * 2),
        theirs._replace(owner_age_s=None),
        theirs._replace(owner=f"{recorded._home.owner().split()[0]} renamed:/run"),
    ):
        knows(recorded, record)
        recorded.require_free()


def test_no_other_run_reaches_what_the_run_has_started(target: JobTarget) -> None:
    """Such a run asks nothing."""
    own = replace(
        target,
        checkpoints=target.home.checkpoints,
        access=Access.own("127.0.0.1", 1, "public", {}),
    )
    settings = Settings(home=target.home.folder)
    nowhere = cast("Any", SimpleNamespace())
    RecordedJob(settings, own, nowhere).require_free()
    RecordedJob(settings, own, nowhere).keep("c1", "j1")
    external = settings.model_copy(update={"postgres": PostgresSettings(dsn="postgresql://h/d")})
    recorded = RecordedJob(external, own, nowhere)
    knows(recorded, RECORD._replace(owner=ELSEWHERE, owner_age_s=1.0))
    with pytest.raises(RefusedJobError):
        recorded.require_free()


def test_run_folder_has_one_id(target: JobTarget) -> None:
    """It stays when the host has another name."""
    first = target.home.owner()
    assert first == target.home.owner()
    assert first.endswith(f":{target.home.folder}")
    assert RunFolder(target.home.folder.with_name("other")).identity != target.home.identity


def test_name_of_a_job_has_its_claim_only_where_others_may_run_one(target: JobTarget) -> None:
    """The graph of an own cluster is kept, so its name does not change."""
    claimed = replace(target, claim="c1")
    assert claimed.claimed_name == f"{NAME} [c1]"
    assert target.claimed_name == NAME
    assert replace(claimed, checkpoints=target.home.checkpoints).claimed_name == NAME


def test_folder_for_checkpoints_of_another_cluster_is_a_setting(target: JobTarget) -> None:
    """Without it the cluster's own is used."""
    key = "execution.checkpointing.dir"
    settings = Settings.model_construct()
    assert key not in target.request(settings, None).options
    flink = settings.flink.model_copy(update={"checkpoints": "s3://bucket/spaf"})
    settings = Settings.model_construct(flink=flink)
    options = target.request(settings, "s3://bucket/spaf/j/chk-1").options
    assert options[key] == "s3://bucket/spaf"
    assert options["execution.state-recovery.path"] == "s3://bucket/spaf/j/chk-1"
    assert options["pipeline.name"] == NAME
