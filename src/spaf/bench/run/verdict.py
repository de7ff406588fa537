"""The verdict: whether every record is accounted for, and every row equals its recomputation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from spaf import clock
from spaf.bench.progress import Progress, no_progress
from spaf.bench.run.dumping import dump_range
from spaf.bench.run.early_checkpoint import EarlyCheckpoints
from spaf.errors import JobError, NotUpError, VerifyError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.stack.run import Run
from spaf.store import queries, retention
from spaf.store.access import Role
from spaf.topic import admin
from spaf.trouble import CERTAIN_S, Trouble
from spaf.verify import (
    Answers,
    Detection,
    DuplicateBlockRow,
    LedgerRow,
    OutlierRow,
    SummaryRow,
    TableRows,
    TrafficAnomalyRow,
    Verdict,
    compare,
    disagreements,
    duckdb_oracle,
    parallel,
)
from spaf.verify.dump import Dump, DumpHeader
from spaf.verify.python_oracle import PythonOracle
from spaf.verify.retained import retained

# A job without progress for this time, several checkpoints, has stopped.
STALLED_S = 60.0
POLL_INTERVAL_S = 0.1
# Causes at Kafka or PostgreSQL for which topic and tables can be read all the same.
READABLE = frozenset({"client_timestamps", "topic_compacted", "open_transaction", "postgres_lock"})
# Records that the broker is about to delete are not read: they would be gone before their turn.
DELETION_MARGIN_MS = 30 * 60 * 1_000
LOCK_TABLES = (
    "LOCK TABLE sales_summary, ledger_second, sale_anomaly, window_anomaly, duplicate_block "
    "IN ACCESS SHARE MODE"
)
# A watermark closes a second of traffic. The job sends ten watermarks a second, so a checkpoint may
# complete before the watermark, and the row follows within this time.
SETTLE_S = 1.0
# A killed job may not have sent that watermark: the rows of this many seconds before its last
# checkpoint may be missing.
UNSETTLED_S = 2


def verify(
    run: Run,
    progress: Progress = no_progress,
    *,
    so_far: bool = False,
    keep: Path | None = None,
) -> Verdict:
    """Recompute everything from the topic, twice, and compare it with the tables.

    On a live run the verdict holds for all records before an upper bound, the end of the topic at
    the call. The job goes on meanwhile: rows that a later record has changed are not compared,
    which are those of the present second and of seconds with a sale that arrived late. If the
    beginning of the topic was deleted, or rows were dropped, the verdict says from where on it
    holds.

    Args:
        run: the run.
        progress: is called while the verification works.
        so_far: take as upper bound what the last complete checkpoint had read, and do not wait:
            for a job that has stopped.
        keep: a folder in which the dump of the topic is written and kept; without it, the dump is
            written into the run folder and deleted.

    Raises:
        JobError: the job does not reach the upper bound.
        TopicError: the topic cannot be read.
        StoreError: the tables cannot be read.
        VerifyError: the dump cannot be written or read, or a server does not answer.

    """
    stages = Stages()
    _require_servers(run)
    _require_topic(run)
    begin = _begin(run)
    upper_bound = _complete(run, begin) if so_far else run.end_offsets()
    oracle = PythonOracle(run.rules, upper_bound, detection_of(run), begin)
    with _dump(run, keep) as dump:
        source = (run.kafka, run.topic)
        with stages.stage("python"):
            dump_range(dump, source, begin, upper_bound, oracle, progress)
        if not so_far:
            with stages.stage("wait"):
                wait_until_done(run, upper_bound, progress)
                clock.sleep(SETTLE_S)
        with stages.stage("tables"):
            tables = snapshot(run)
        end = run.end_offsets()
        with stages.stage("python"):
            dump_range(dump, source, upper_bound, end, oracle, progress)
            answers = oracle.answers()
        dump.write_header(DumpHeader(run.topic, begin, end, run.rules, detection_of(run)))
        unsettled = UNSETTLED_S if so_far else 0
        return judge(dump, answers, tables, progress, stages, unsettled=unsettled)


def verify_dump(run: Run, dump: Dump, progress: Progress = no_progress) -> Verdict:
    """Compare the tables with a dump that was kept, without Kafka.

    Raises:
        SettingsError: the folder holds no dump.
        VerifyError: the tables hold records after the end of the dump, or of another topic.
        StoreError: the tables cannot be read.

    """
    stages, header = Stages(), dump.header()
    with stages.stage("tables"), run.access.session(Role.READ) as connection:
        done = queries.done_offsets(connection)
    beyond = {part: to for part, to in done.items() if to > header.end.get(part, 0)}
    if beyond:
        raise VerifyError(
            f"The tables hold offsets up to {beyond}, but the dump ends at {header.end}.",
            todo="A dump fits only tables that were not written after it; make a new one.",
        )
    upper_bound = {part: done.get(part, header.begin.get(part, 0)) for part in header.end}
    with stages.stage("python"):
        answers = parallel.recompute(
            dump,
            upper_bound,
            parallel.processes(sum(header.end.values()) - sum(header.begin.values())),
            lambda done, of: progress("recomputing in Python", done, of),
        )
    return judge(dump, answers, snapshot(run), progress, stages, unsettled=UNSETTLED_S)


def judge(  # noqa: PLR0913 - the parts of a verdict
    dump: Dump,
    answers: Answers,
    tables: TableRows,
    progress: Progress,
    stages: Stages,
    *,
    unsettled: int,
) -> Verdict:
    """Recompute a complete dump by formulation two, and compare both with the tables.

    Args:
        dump: the records.
        answers: those of plain Python.
        tables: the rows of the database.
        progress: is called while the verification works.
        stages: takes the time of each stage.
        unsettled: seconds before the upper bound whose traffic may not be in the tables yet.

    """
    progress("recomputing in DuckDB")
    with stages.stage("duckdb"):
        two = duckdb_oracle.recompute(dump, answers.upper_bound, parallel.cores())
    with stages.stage("compare"):
        header = dump.header()
        held = retained(answers, tables, header.rules, header.detection)
        verdict = compare(replace(answers, closed=answers.closed - unsettled), tables, held)
        disagreed = disagreements(answers, two)
    return replace(
        verdict, disagreements=disagreed, by_decoder=two.by_decoder, seconds=stages.seconds
    )


def detection_of(run: Run) -> Detection:
    """Return the detection settings that the job of a run was started with."""
    contract = run.contract
    return Detection(
        contract.outlier_hours,
        contract.outlier_score,
        contract.surge_seconds,
        contract.surge_score,
        CATEGORIES,
        contract.series_score,
    )


class Stages:
    """Stage → how long it took, seconds."""

    def __init__(self) -> None:
        """Start without a stage."""
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block; the times of a repeated stage add up."""
        start_s = clock.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + clock.monotonic() - start_s


@contextlib.contextmanager
def _dump(run: Run, keep: Path | None) -> Iterator[Dump]:
    """Use a new dump; keep it only if that was asked for and the block succeeds."""
    dump = Dump(keep or run.home.runs / f"dump-{clock.now_us()}")
    try:
        yield dump
    except BaseException:
        dump.delete()
        raise
    if keep is None:
        dump.delete()


def _begin(run: Run) -> dict[int, int]:
    """Return the first offset of each partition that stays in the topic for the time being.

    Raises:
        TopicError: the topic cannot be read.

    """
    begin = admin.begin_offsets(run.kafka, run.topic)
    keep_ms = int(admin.topic_options(run.kafka, run.topic).get("retention.ms", "-1"))
    if keep_ms < 0:
        return begin
    since_ms = clock.now_ms() - keep_ms + DELETION_MARGIN_MS
    parts = [(run.topic, part) for part in begin]
    stays = admin.offsets_at_time(run.kafka, parts, since_ms)
    ends = admin.end_offsets(run.kafka, run.topic)
    last = {part: stays.get((run.topic, part)) for part in begin}
    return {
        part: max(first, ends[part] if last[part] is None else last[part] or 0)
        for part, first in begin.items()
    }


def _complete(run: Run, begin: Mapping[int, int]) -> dict[int, int]:
    """Return, by partition, the offset before which every record is in the tables."""
    with run.access.session(Role.READ) as connection:
        done = queries.done_offsets(connection)
    return {part: done.get(part, begin.get(part, 0)) for part in run.end_offsets()}


def _require_servers(run: Run) -> None:
    """Check that topic and tables can be read.

    Raises:
        VerifyError: a server does not answer, and that stays so until a person does something.

    """
    cause = _trouble(run, lasting=True)
    stopped = cause is not None and cause.stage in ("kafka", "postgres")
    if cause is not None and stopped and cause.code not in READABLE:
        raise VerifyError(f"Nothing can be verified: {cause.what}", todo=cause.todo)


def _require_topic(run: Run) -> None:
    """Check that the tables hold the sales of the topic, also if it was created anew.

    Raises:
        VerifyError: they hold those of another one.

    """
    counted = run.counted_topic()
    if counted is None:
        return
    topic_id = admin.describe(run.kafka, run.topic).id
    if counted.topic != run.topic or (topic_id and counted.id and topic_id != counted.id):
        raise VerifyError(
            f"The tables hold the sales of topic {counted.topic} (id {counted.id}), not those of "
            f"topic {run.topic} (id {topic_id}).",
            todo="Verify a dump of the old topic, if one was kept (`spaf verify --dump`).",
        )


def _trouble(run: Run, *, lasting: bool) -> Trouble | None:
    """Return why sales do not reach the tables of a run that is up; None for one that is not."""
    with contextlib.suppress(NotUpError):
        return run.lasting_trouble() if lasting else run.trouble()
    return None


def wait_until_done(
    run: Run, upper_bound: Mapping[int, int], progress: Progress = no_progress
) -> None:
    """Wait until every record before the upper bound is in the tables.

    That is when a checkpoint has passed it: sinks write concurrently, and each sink writes out
    its rows before a checkpoint completes. Checkpoints are requested, to wait for none that is due.

    Raises:
        JobError: the job has stopped making progress, or waits for a person.

    """
    last: dict[int, int] = {}
    moved = clock.monotonic()
    with contextlib.closing(_early_checkpoints(run)) as checkpoints:
        while True:
            with run.access.session(Role.READ) as connection:
                done = queries.done_offsets(connection)
            if all(done.get(partition, 0) >= offset for partition, offset in upper_bound.items()):
                return
            checkpoints.request()
            now = clock.monotonic()
            if done != last:
                last, moved = done, now
            _require_progress(run, now - moved, last, upper_bound)
            waits_for = _trouble(run, lasting=False)
            if waits_for is not None:
                progress(f"waiting for the job: {waits_for.what}")
            clock.sleep(POLL_INTERVAL_S)


def _early_checkpoints(run: Run) -> EarlyCheckpoints:
    job_id = ""
    with contextlib.suppress(NotUpError):
        job_id = run.state().job.id
    return EarlyCheckpoints(run.flink, job_id)


def _require_progress(
    run: Run, stands_s: float, last: Mapping[int, int], upper_bound: Mapping[int, int]
) -> None:
    """Check that it is worth while to wait for a job that has not moved for this long.

    Raises:
        JobError: the job has stopped making progress, or waits for a person.

    """
    lasting = _trouble(run, lasting=True)
    if lasting is not None and stands_s > CERTAIN_S:
        raise JobError(
            f"The job does not reach the end of the topic: {lasting.what}",
            todo=f"{lasting.todo} `spaf verify --so-far` verifies the records up to its last "
            "checkpoint.",
        )
    if stands_s > STALLED_S:
        raise JobError(
            f"The job has stopped at offsets {last}, before {dict(upper_bound)}.",
            todo="`spaf status` shows its state, `spaf logs taskmanager` the reason;"
            " `spaf verify --so-far` verifies the records up to its last checkpoint.",
        )


def snapshot(run: Run) -> TableRows:
    """Return all tables in one snapshot of the database.

    Raises:
        StoreError: they cannot be read.

    """
    with run.access.session(Role.READ) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Before the snapshot: a part of a table that is dropped after it would be missing in it.
        connection.execute(LOCK_TABLES)
        kept = retention.state(connection)
        return TableRows(
            summary=[SummaryRow(*row) for row in queries.summary(connection)],
            ledger=[LedgerRow(*row) for row in queries.ledger(connection)],
            outliers=[OutlierRow(*row) for row in queries.sale_anomalies(connection)],
            traffic=[TrafficAnomalyRow(*row) for row in queries.traffic_anomalies(connection)],
            duplicate_blocks=[
                DuplicateBlockRow(*row) for row in queries.duplicate_blocks(connection)
            ],
            explained=queries.explained_offsets(connection),
            counted_from=queries.start_offsets(connection),
            dropped_before=(
                None if kept.dropped_before is None else round(kept.dropped_before.timestamp())
            ),
            dropped_offsets=retention.dropped_offsets(connection),
        )
