"""Each transactionId once, by the real job: copies in both partitions, read in the wrong order.

One day is one block: a run across midnight UTC would count a sale twice, as it should.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from spaf import clock
from spaf.job import checkpoint
from spaf.job.flink_client import FlinkClient
from spaf.settings import JobSettings, Settings
from spaf.stack.process import CWD
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.verify import Verdict
from tests.support.plans import changes_of_sinks
from tests.support.runs import Own, RunJob, Send, Settle

# The first test waits for two runs of the job, one after the other, seconds.
pytestmark = pytest.mark.timeout(300)

MINUTES = 1_440
# Reading these takes the job longer than writing what the other partition holds.
FILLING = 30_000
MOVED, AGAIN = 25, 40


def sale(second: int, category: str, name: str | None, cents: int = 10) -> bytes:
    """Return a sale of a second."""
    more = "" if name is None else f',"transactionId":"{name}"'
    return (
        f'{{"productId":"p","productCategory":"{category}","productPrice":{cents / 100},'
        f'"productQuantity":1,"eventTime":{second * 1_000}{more}}}'
    ).encode()


def once(stack: Run, own: Own) -> tuple[Run, Settings]:
    """Return an empty topic of two partitions, and settings that deduplicate."""
    session = own(2)
    session.contract = msgspec.structs.replace(session.contract, deduplicate_minutes=MINUTES)
    job = JobSettings(checkpoint_ms=1_000, parallelism=2, deduplicate_minutes=MINUTES)
    return session, stack.settings.model_copy(update={"job": job})


@dataclass
class JobResult:
    """What was found after each of three jobs over the same tables."""

    second: int
    first: Verdict
    summary: list[tuple[Any, ...]]
    notifications: list[list[Any]]
    restored: Path
    # As Flink names it: its working directory is the run folder.
    resumed_from: Path
    second_verdict: Verdict
    resumed: list[tuple[Any, ...]]
    total: dict[str, Any]
    anew: Verdict
    again: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def run(
    stack: Run,
    own: Own,
    send: Send,
    running_job: RunJob,
    settle: Settle,
) -> JobResult:
    """Read copies out of order, resume from a checkpoint with more, and read all anew."""
    session, settings = once(stack, own)
    second = clock.now_ms() // 1_000 - 60
    send(session, 0, [sale(second, "filling", None)] * FILLING)
    names = [f"moved-{n}" for n in range(MOVED)]
    send(session, 0, [sale(second, "moved", name, 10) for name in names])
    clock.sleep(0.01)  # the next append time is a later one
    send(session, 1, [sale(second + 7, "moved", name, 30) for name in names])
    send(session, 1, [sale(second, "same", "same")] * 3)
    with session.access.session(Role.READ, autocommit=True) as ear:
        ear.execute(f'LISTEN "sales_{session.access.schema}"')
        with running_job(session, settings, None):
            first = settle(session)
        notifications = [
            news
            for notice in ear.notifies(timeout=0.5)
            for news in json.loads(notice.payload)
            if news[1] == "moved"
        ]
    summary = rows(session)

    folder = session.job_target(session.topic).checkpoint_folder(settings)
    assert folder is not None
    resume = checkpoint.newest_complete(folder, clock.now_us() / 1e6)
    assert resume is not None
    send(session, 0, [sale(second, "same", "same")] * 2)
    send(session, 1, [sale(second + 9, "same", f"late-{n}") for n in range(AGAIN)])
    with running_job(session, settings, resume) as job:
        send(session, 0, [sale(second + 11, "same", f"late-{n}") for n in range(AGAIN)])
        resumed = settle(session)
        with closing(FlinkClient(session.flink)) as client:
            restored = client.get(f"/jobs/{job}/checkpoints")["latest"]["restored"]
    after = rows(session)
    with session.access.session(Role.READ) as connection:
        total = queries.ingest_total(connection)

    with running_job(session, settings, None):
        anew = settle(session)
    return JobResult(
        second,
        first,
        summary,
        notifications,
        Path(restored["external_path"].removeprefix("file:")),
        CWD / resume.relative_to(session.home.folder),
        resumed,
        after,
        total,
        anew,
        rows(session),
    )


def rows(session: Run) -> list[tuple[Any, ...]]:
    """Return sales_summary, in order."""
    with session.access.session(Role.READ) as connection:
        return sorted(queries.summary(connection))


def test_the_earlier_copy_takes_the_place_of_the_later(run: JobResult) -> None:
    """The copies that were read first but appended last leave their second: its row is gone."""
    assert run.first.differences == []
    assert run.first.exact
    assert run.summary == [
        (run.second, "filling", "BRL", FILLING, FILLING, Decimal(FILLING) / 10),
        (run.second, "moved", "BRL", MOVED, MOVED, Decimal(MOVED) / 10),
        (run.second, "same", "BRL", 1, 1, Decimal("0.10")),
    ]
    assert run.first.duplicates == MOVED + 2
    assert run.first.rejected == 0


@pytest.mark.usefixtures("run")
def test_each_row_is_written_over_the_one_before(stack: Run) -> None:
    """The planner knows the key of every sink, so none is sent the row of before, to delete it."""
    assert "UPDATE_BEFORE" not in changes_of_sinks(stack)


def test_listeners_learn_that_a_row_has_gone(run: JobResult) -> None:
    """The later copies were counted, then taken back; the last word on their row is zero."""
    counts = [news[3] for news in run.notifications if news[0] == run.second + 7]
    assert max(counts) == MOVED
    assert counts[-1] == 0


def test_identifiers_are_known_after_a_restart(run: JobResult) -> None:
    """Copies of sales from before the checkpoint do not count, and new ones count once."""
    assert run.restored == run.resumed_from
    assert run.second_verdict.differences == []
    assert run.second_verdict.exact
    same = [row for row in run.resumed if row[1] == "same"]
    assert same == [
        (run.second, "same", "BRL", 1, 1, Decimal("0.10")),
        (run.second + 9, "same", "BRL", AGAIN, AGAIN, Decimal(AGAIN) / 10),
    ]


def test_every_record_is_accounted_for(run: JobResult) -> None:
    """Records are accepted, duplicates, late or rejected; conflicts are those of the price."""
    duplicates = MOVED + 4 + AGAIN
    accepted = FILLING + MOVED + 1 + AGAIN
    assert run.total == {
        "records": accepted + duplicates,
        "accepted": accepted,
        "duplicates": duplicates,
        "conflicting": MOVED,
        "late": 0,
        "rejected": 0,
        "without_record": 0,
    }


def test_another_reading_of_the_log_writes_the_same(run: JobResult) -> None:
    """A job that starts anew interleaves the partitions in another way; the tables are the same."""
    assert run.anew.exact
    assert run.again == run.resumed
