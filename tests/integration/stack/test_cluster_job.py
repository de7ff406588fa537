"""The job as its supervisor leads it: resumed, found again, refused to others, stopped, upgraded.

One process submits all jobs; in a run of a user each submission is a process.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from spaf import clock
from spaf.bench.detection.batch import Batch
from spaf.bench.run.verdict import verify
from spaf.errors import JobError
from spaf.job.flink_client import FlinkClient
from spaf.job.submit import SubmitRequest
from spaf.settings import FlinkSettings, JobSettings, PostgresSettings, Settings
from spaf.stack import graph_submission, recorded_job
from spaf.stack.job_changes import REPLACED
from spaf.stack.job_supervisor import JobSupervisor
from spaf.stack.process import wait_until
from spaf.stack.refusal import RefusedJobError
from spaf.stack.run import Run
from spaf.stack.state import JobAction, JobContract, JobOrder, JobPhase, RunFolder
from spaf.stack.submission import JobTarget
from spaf.store import queries, rebuild
from spaf.store.access import Access, Role
from spaf.store.migrate import migrate
from tests.support.flink import SharedSubmission
from tests.support.runs import Own, Send
from tests.support.upgrades import SUMS, reading, restored, selling, steps_back

FEW, MORE = 40, 25
PATIENCE_S = 60.0
POLL_S = 0.1
JOB = JobSettings(checkpoint_ms=500)


class PatientSubmission(SharedSubmission):
    """Says that Flink has refused the job when it is asked for its id, as a process does."""

    def __init__(self, flink: Batch, request: SubmitRequest, log: Path) -> None:
        """Keep the request."""
        super().__init__(flink, request, log)
        self._submitted = False
        self._refused: Exception | None = None

    def submit(self) -> None:
        """Plan the job and submit it."""
        self._submitted = True
        try:
            super().submit()
        except Exception as error:  # noqa: BLE001 - whatever the worker says
            self._refused = error

    def job_id(self) -> str | None:  # type: ignore[override]
        """Return the id of the job; None before it is submitted.

        Raises:
            JobError: Flink has refused it.

        """
        if self._refused is not None:
            raise JobError(f"Flink refused the job: {self._refused}")
        return super().job_id() if self._submitted else None


@pytest.fixture(autouse=True)
def submission(flink: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the one process submit every job."""

    def begin(
        target: JobTarget, settings: Settings, resume: Path | str | None, log: Path
    ) -> object:
        return PatientSubmission(flink, target.request(settings, resume), log)

    monkeypatch.setattr(graph_submission, "begin", begin)


@pytest.fixture
def cluster(
    stack: Run, name: Callable[[str], str], tmp_path: Path
) -> Iterator[Callable[[Run], JobSupervisor]]:
    """Yield a function that makes a SPAF on a cluster that it has not started."""
    made: list[JobSupervisor] = []

    def make(session: Run) -> JobSupervisor:
        home = RunFolder(tmp_path / name("home"))
        home.create()
        access = session.access
        dsn = make_conninfo(
            host=access.host,
            port=access.port,
            dbname=access.database,
            user=Role.OWNER,
            password=access.passwords[Role.OWNER],
        )
        settings = stack.settings.model_copy(
            update={
                "home": home.folder,
                "flink": FlinkSettings(
                    rest_url=stack.flink, checkpoints=(tmp_path / "storage").as_uri()
                ),
                "postgres": PostgresSettings(dsn=SecretStr(dsn), schema_name=access.schema),
                "job": JOB,
            }
        )
        external = Access.of(settings.postgres)
        target = JobTarget(
            session.kafka, session.topic, session.topic, external, session.flink, home, None
        )
        made.append(JobSupervisor(settings, home, target))
        return made[-1]

    yield make
    for one in made:
        one.flink.close()


def counted(session: Run) -> int:
    """Return how many sales the tables hold."""
    with session.access.connect(Role.READ) as connection:
        return queries.counted_sales(connection)


def follow(job: JobSupervisor, until: Callable[[], bool]) -> None:
    """Do what the supervisor of a run does, until something is true."""

    def step() -> bool:
        job.poll()
        job.submit()
        if job.state.id:
            job.record_progress()
        return until()

    assert wait_until(step, PATIENCE_S, poll=POLL_S), (job.state, job.trouble)


def refused(job: JobSupervisor) -> str:
    """Return the code of why a job is not started."""
    job.plan()
    with pytest.raises(RefusedJobError) as caught:
        job.submit()
    return caught.value.trouble.code


@pytest.fixture
def elsewhere(name: Callable[[str], str]) -> Callable[[Run], Run]:
    """Return a function that returns the same topic with tables of another schema."""

    def make(session: Run) -> Run:
        other = session.with_tables(session.topic, name("answers"))
        migrate(other.access)
        return other

    return make


@pytest.fixture
def at_home(stack: Run) -> Callable[[Run], JobSupervisor]:
    """Return a function that makes the supervisor of a run on a cluster of its own."""

    def make(session: Run) -> JobSupervisor:
        settings = stack.settings.model_copy(update={"job": JOB})
        return JobSupervisor(settings, session.home, session.job_target(session.topic))

    return make


def lose(client: FlinkClient, job_id: str) -> None:
    """Cancel a job and wait until it has ended: until then it still reads what is sold."""
    client.cancel(job_id)
    assert wait_until(lambda: job_id not in client.running_jobs(), PATIENCE_S)


def test_job_of_a_cluster_resumes_and_belongs_to_its_run(
    own: Own,
    send: Send,
    elsewhere: Callable[[Run], Run],
    cluster: Callable[[Run], JobSupervisor],
    tmp_path: Path,
) -> None:
    """Another machine finds the job or its newest checkpoint; without storage it counts anew."""
    session = own(1)
    second = clock.now_ms() // 1_000 - 60
    sale = (
        '{"productId":"p","productCategory":"books","productPrice":0.10,"productQuantity":1,'
        f'"eventTime":{second * 1_000}}}'
    ).encode()
    send(session, 0, [sale] * FEW)
    first, other = cluster(session), cluster(session)
    with closing(FlinkClient(session.flink)) as client:
        try:
            first.plan()
            follow(first, lambda: counted(session) == FEW and bool(first.state.checkpoint))
            assert (first.state.state, first.state.note) == (JobPhase.RUNNING, "")

            # No other run takes it while its SPAF is there, nor starts another job in its group.
            assert refused(cluster(session)) == "other_spaf"
            assert refused(cluster(elsewhere(session))) == "foreign_job"
            assert first.state.id in client.running_jobs()

            # When that was silent for long, another machine goes on with the same job.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(recorded_job, "OWNER_SILENT_S", 0.0)
                other.plan()
                follow(other, lambda: other.state.state is JobPhase.RUNNING)
            assert other.state.id == first.state.id
            first._recorded._next_keep = 0.0
            first.record_progress()
            first.poll()
            assert first.trouble is not None
            assert first.trouble.code == "other_spaf"

            # A job that the cluster has lost starts again from its newest checkpoint.
            kept = other.state.checkpoint
            lose(client, other.state.id)
            send(session, 0, [sale] * MORE)
            follow(other, lambda: counted(session) == FEW + MORE)
            assert str(tmp_path / "storage") in kept
            job_folder = kept.rpartition("/")[0]
            assert restored(client, other.state.id).startswith(job_folder)
            assert other.state.resumed_from.startswith(job_folder)

            # Without its storage it counts from the first record, and says so.
            lose(client, other.state.id)
            shutil.rmtree(tmp_path / "storage")
            send(session, 0, [sale] * MORE)
            follow(other, lambda: counted(session) == FEW + 2 * MORE)
            assert restored(client, other.state.id) == ""
            assert "could not start from file:" in other.state.note
        finally:
            for job in {first.state.id, other.state.id} & client.running_jobs().keys():
                client.cancel(job)
    with session.access.connect(Role.READ) as connection:
        (row,) = queries.summary(connection)
    count = FEW + 2 * MORE
    assert row == (second, "books", "BRL", count, count, Decimal(count) / 10)


def obey(job: JobSupervisor, action: JobAction, **order: Any) -> None:
    """Give an order, and do what the supervisor of a run does until it is carried out."""
    given = JobOrder(uuid.uuid4().hex, action, **order)
    job._home.write_job_order(given)
    follow(job, lambda: job.state.order == given.id)
    assert job.state.order_problem == ""


SALE = b'{"productId":"p","productCategory":"books","productPrice":0.10,"productQuantity":1}'
UPGRADED = JobSettings(checkpoint_ms=500, surge_score=5.0)


def test_reader_sees_neither_a_gap_nor_a_step_back(
    own: Own, send: Send, at_home: Callable[[Run], JobSupervisor]
) -> None:
    """While the job is upgraded, stopped with a savepoint, and started; every row is exact."""
    session = own(1)
    with session.access.session(Role.OWNER) as connection:
        connection.execute(
            "CREATE VIEW mine AS SELECT sum(sales_count) AS sales FROM sales_summary"
        )
        connection.execute("GRANT SELECT ON mine TO spaf_read")
    sums = (*SUMS, "SELECT sales FROM mine")
    send(session, 0, [SALE] * FEW)
    job = at_home(session)
    with closing(FlinkClient(session.flink)) as client:
        try:
            job.plan()
            follow(job, lambda: counted(session) == FEW)
            with reading(session.access, sums) as found, selling(session, SALE):
                upgrade(job, session)
                stop_and_start(job, session, client)
            ends = session.end_offsets()
            follow(job, lambda: done(session) == ends)
            session.contract = JobContract.of(job.settings)
            verdict = verify(session)
        finally:
            job.flink.close()
            for one in client.jobs(job.target.name):
                client.cancel(one)
    assert min(len([row for row in found if row[0] == one]) for one in range(len(sums))) > FEW
    assert steps_back(found, sums) == []
    assert list(map(str, verdict.differences)) == []
    assert (verdict.exact, verdict.accepted) == (True, sum(ends.values()))
    assert not rebuild.exists(session.access)


def upgrade(job: JobSupervisor, session: Run) -> None:
    """Let the job count by other settings, while sales go on."""
    first, group = job.state.id, job.target.group
    follow(job, lambda: counted(session) > 2 * FEW)
    sections = {"job": UPGRADED.model_dump(mode="json"), "sale": {}}
    obey(job, JobAction.UPGRADE, settings=sections)
    assert (job.settings.job, job.state.upgraded) == (UPGRADED, REPLACED)
    assert (job.state.id != first, job.target.group != group) == (True, True)
    before = counted(session)
    follow(job, lambda: counted(session) > before + FEW)


def stop_and_start(job: JobSupervisor, session: Run, client: FlinkClient) -> None:
    """Stop the job, see that nothing starts it again, and start it where it was."""
    obey(job, JobAction.STOP, savepoint=True)
    assert job.state.state is JobPhase.STOPPED
    assert job.trouble is not None
    assert job.trouble.code == "job_stopped"
    submissions, before = job.state.submissions, counted(session)
    job.poll()
    job.submit()
    assert (job.state.submissions, job.state.id) == (submissions, "")
    assert client.jobs(job.target.name) == []
    obey(job, JobAction.START)
    follow(job, lambda: counted(session) > before + FEW)
    assert "/savepoints/savepoint-" in job.state.resumed_from


def done(session: Run) -> dict[int, int]:
    """Return the offsets up to which the tables are complete."""
    with session.access.connect(Role.READ) as connection:
        return queries.done_offsets(connection)
