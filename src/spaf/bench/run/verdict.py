"""The verdict: is every record accounted for, and is every row what the topic says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from spaf import clock
from spaf.bench.run.dumping import Progress, dump_range
from spaf.errors import JobError, VerifyError
from spaf.generate.shop.assortment import CATEGORIES
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic import admin
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

# A job that makes no progress for this long has stopped, seconds; several checkpoints.
STALLED_SECONDS = 60.0
# Between two looks at the position of the job, seconds.
LOOK_SECONDS = 0.1
# A second is closed by a watermark, which the job sends ten times a second, not with the record:
# so a checkpoint may pass before it, and its row comes this much later at most, seconds.
SETTLE_SECONDS = 1.0
# A job that was killed may not have come to that. So the rows of seconds that only the last so many
# seconds before its last checkpoint close may be missing.
UNSETTLED_SECONDS = 2


def quiet(_doing: str, _done: int, _of: int) -> None:
    """Tell nobody of the progress."""


def verify(
    session: Run,
    progress: Progress = quiet,
    *,
    so_far: bool = False,
    keep: Path | None = None,
) -> Verdict:
    """Recompute everything from the topic, twice, and compare it with the tables.

    On a live run the verdict holds for all records up to a cut, the end of the topic at the call.
    The tables go on meanwhile: rows that a record after the cut has touched are left open, which
    are those of the present second and of seconds that got a late-coming sale.

    Args:
        session: the run.
        progress: is told what is being done, and how far that is.
        so_far: take as the cut what the last complete checkpoint had read, and wait for nothing:
            for a job that has stopped.
        keep: a folder in which the dump of the topic is made and left; without it, the dump is
            made in the run folder and deleted.

    Raises:
        JobError: the job does not come as far as the cut.
        TopicError: the topic cannot be read.
        StoreError: the tables cannot be read.
        VerifyError: the dump cannot be written or read.

    """
    watch = Stages()
    begin = admin.begin_offsets(session.kafka, session.topic)
    cut = _complete(session, begin) if so_far else session.end_offsets()
    whole = PythonOracle(session.rules, cut, detection_of(session), begin)
    with _dump(session, keep) as dump:
        place = (session.kafka, session.topic)
        with watch.stage("python"):
            dump_range(dump, place, begin, cut, whole, progress)
        if not so_far:
            with watch.stage("wait"):
                wait_until_done(session, cut)
                clock.sleep(SETTLE_SECONDS)
        with watch.stage("tables"):
            tables = snapshot(session)
        end = session.end_offsets()
        with watch.stage("python"):
            dump_range(dump, place, cut, end, whole, progress)
            one = whole.answers()
        dump.write_header(
            DumpHeader(session.topic, begin, end, session.rules, detection_of(session))
        )
        unsettled = UNSETTLED_SECONDS if so_far else 0
        return judge(dump, one, tables, progress, watch, unsettled=unsettled)


def verify_dump(session: Run, dump: Dump, progress: Progress = quiet) -> Verdict:
    """Compare the tables with a dump that was kept, where Kafka is gone.

    Raises:
        SettingsError: the dump is none.
        VerifyError: the tables go on behind the dump's end, or know nothing of this topic.
        StoreError: the tables cannot be read.

    """
    watch, header = Stages(), dump.header()
    with watch.stage("tables"), session.access.session(Role.READ) as connection:
        done = queries.done(connection)
    beyond = {part: to for part, to in done.items() if to > header.end.get(part, 0)}
    if beyond:
        raise VerifyError(
            f"The tables hold offsets up to {beyond}, but the dump ends at {header.end}.",
            todo="A dump is good for tables that were not written after it; make a new one.",
        )
    cut = {part: done.get(part, header.begin.get(part, 0)) for part in header.end}
    with watch.stage("python"):
        one = parallel.recompute(
            dump,
            cut,
            parallel.processes(sum(header.end.values()) - sum(header.begin.values())),
            lambda done, of: progress("recomputing in Python", done, of),
        )
    return judge(dump, one, snapshot(session), progress, watch, unsettled=UNSETTLED_SECONDS)


def judge(  # noqa: PLR0913 - what a verdict is made of
    dump: Dump,
    one: Answers,
    tables: TableRows,
    progress: Progress,
    watch: Stages,
    *,
    unsettled: int,
) -> Verdict:
    """Recompute a complete dump by the other formulation, and compare all three.

    Args:
        dump: the records.
        one: what plain Python has made of them.
        tables: what the database holds.
        progress: is told what is being done.
        watch: takes the time.
        unsettled: before the cut, the last seconds whose traffic may not be in the tables yet.

    """
    progress("recomputing in DuckDB", 0, 1)
    with watch.stage("duckdb"):
        two = duckdb_oracle.recompute(dump, one.upper_bound, parallel.cores())
    with watch.stage("compare"):
        verdict = compare(replace(one, closed=one.closed - unsettled), tables)
        disagreed = disagreements(one, two)
    return replace(
        verdict, disagreements=disagreed, by_decoder=two.by_decoder, seconds=watch.seconds
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
    )


class Stages:
    """How long each stage of a verification took."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block; one that comes again adds up."""
        began = clock.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + clock.monotonic() - began


@contextlib.contextmanager
def _dump(session: Run, keep: Path | None) -> Iterator[Dump]:
    """Use a new dump; it stays only if it is to be kept and all went well."""
    dump = Dump(keep or session.home.runs / f"dump-{clock.now_us()}")
    try:
        yield dump
    except BaseException:
        dump.delete()
        raise
    if keep is None:
        dump.delete()


def _complete(session: Run, begin: Mapping[int, int]) -> dict[int, int]:
    """Return, by partition, the offset before which everything is in the tables for certain."""
    with session.access.session(Role.READ) as connection:
        done = queries.done(connection)
    return {part: done.get(part, begin.get(part, 0)) for part in session.end_offsets()}


def wait_until_done(session: Run, cut: Mapping[int, int]) -> None:
    """Wait until everything before the cut is in the tables for certain.

    Certain means: a checkpoint has passed it, because each sink writes out before it lets a
    checkpoint pass, and sinks write side by side.

    Raises:
        JobError: the job has stopped making progress.

    """
    last: dict[int, int] = {}
    deadline = clock.monotonic() + STALLED_SECONDS
    while True:
        with session.access.session(Role.READ) as connection:
            done = queries.done(connection)
        if all(done.get(partition, 0) >= offset for partition, offset in cut.items()):
            return
        if done != last:
            last, deadline = done, clock.monotonic() + STALLED_SECONDS
        if clock.monotonic() > deadline:
            raise JobError(
                f"The job has stopped at offsets {last}, before {dict(cut)}.",
                todo="`spaf status` shows its state, `spaf logs taskmanager` why;"
                " `spaf verify --so-far` verifies up to where it came.",
            )
        clock.sleep(LOOK_SECONDS)


def snapshot(session: Run) -> TableRows:
    """Return all tables as they are at one moment.

    Raises:
        StoreError: they cannot be read.

    """
    with session.access.session(Role.READ) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return TableRows(
            summary=[SummaryRow(*row) for row in queries.summary(connection)],
            ledger=[LedgerRow(*row) for row in queries.ledger(connection)],
            outliers=[OutlierRow(*row) for row in queries.outliers(connection)],
            traffic=[TrafficAnomalyRow(*row) for row in queries.swings(connection)],
            duplicate_blocks=[DuplicateBlockRow(*row) for row in queries.repeats(connection)],
        )
