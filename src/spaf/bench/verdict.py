"""The verdict: is every record accounted for, and is every row equal to the cent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from spaf import clock
from spaf.bench.session import Session
from spaf.errors import JobError
from spaf.sale import Record
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic import admin
from spaf.topic.read import read
from spaf.verify import LedgerRow, Recount, SummaryRow, Tables, Verdict, compare

# A job that makes no progress for this long has stopped, seconds; several checkpoints.
STALLED_SECONDS = 60.0
# Between two looks at the position of the job, seconds.
LOOK_SECONDS = 0.1

# Records between two words on the progress of a recount.
TELL_EVERY = 20_000

Progress = Callable[[int, int], None]


def verify(session: Session, progress: Progress = lambda _done, _of: None) -> Verdict:
    """Recompute everything from the topic and compare it with the tables.

    On a live run the verdict holds for all records up to a cut, the end of the topic at the call.
    The tables go on meanwhile: rows that a record after the cut has touched are left open, which
    are those of the present second and of seconds that got a late-coming sale.

    Args:
        session: the run.
        progress: is told records read, and of how many, now and then.

    Raises:
        JobError: the job does not come as far as the cut.
        TopicError: the topic cannot be read.
        StoreError: the tables cannot be read.

    """
    cut = session.end_offsets()
    wait_until_done(session, cut)
    tables = _snapshot(session)
    end = session.end_offsets()
    begin = admin.begin_offsets(session.kafka, session.topic)
    recount = Recount(session.rules, cut)
    records = read(session.kafka, session.topic, begin, end)
    total = sum(end.values()) - sum(begin.values())
    recount.feed(_told(records, total, progress))
    return compare(recount, tables)


def wait_until_done(session: Session, cut: Mapping[int, int]) -> None:
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
                todo="`spaf status` shows its state, `spaf logs taskmanager` why.",
            )
        clock.sleep(LOOK_SECONDS)


def _snapshot(session: Session) -> Tables:
    with session.access.session(Role.READ) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return Tables(
            summary=[SummaryRow(*row) for row in queries.summary(connection)],
            ledger=[LedgerRow(*row) for row in queries.ledger(connection)],
        )


def _told(records: Iterator[Record], total: int, progress: Progress) -> Iterator[Record]:
    for number, record in enumerate(records):
        if number % TELL_EVERY == 0:
            progress(number, total)
        yield record
