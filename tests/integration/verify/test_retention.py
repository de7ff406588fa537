"""Rows and records that are gone: nothing is false, nothing comes back, all is accounted for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from spaf import clock
from spaf.bench.agreement.synthetic import HOSTILE
from spaf.bench.run.verdict import verify
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.quarantine.worker import QuarantineWorker
from spaf.settings import JobSettings, QuarantineSettings, Settings
from spaf.stack.job_supervisor import JobSupervisor
from spaf.stack.quarantine_process import source
from spaf.stack.run import Run
from spaf.stack.state import JobContract
from spaf.store import queries, retention
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.topic.admin import create_stamped_topic, end_offsets
from spaf.topic.producer import open_producer
from spaf.verify import Verdict
from tests.support.runs import RunJob, Settle

DAY_S = 86_400
PATIENCE_S = 30.0
# Bursts of sales: three days ago, two days ago, and now. Each is long enough for the history of a
# second, whose length is 12 + 16 + 10 seconds.
BURST_S, SALES_A_SECOND = 45, 40
SURGE_SECOND, SURGE_SALES = 41, 150
TOY = b'{"productId":"s","productCategory":"toys","productPrice":5,"productQuantity":1}'
JOB = JobSettings(checkpoint_ms=1_000, parallelism=2, surge_seconds=12, outlier_score=4.0)
FULL_SPEED = QuarantineSettings(cpu_percent=100)


@dataclass
class GoneResult:
    """What was said and held at each moment."""

    whole: Verdict
    dropped: Verdict
    cut: Verdict
    recounted: Verdict
    before: datetime
    droppable: datetime | None
    totals: list[queries.Row]
    summaries: list[set[tuple[object, ...]]]


class Story:
    """A topic of three days, and what happens to it and to its tables."""

    def __init__(self, session: Run, settings: Settings) -> None:
        """Sell on three days."""
        self.session, self.settings = session, settings
        self._stream = SaleStream(
            catalogue.build(3), seed=3, run_id="r", currencies=("BRL", "USD"), anomaly_rate=0.02
        )
        now_s = clock.now_ms() // 1_000
        self.midnight_s = (now_s // DAY_S - 2) * DAY_S
        self.second_burst: dict[int, int] = {}
        for begin_s in (self.midnight_s - DAY_S // 2, self.midnight_s + DAY_S // 2):
            self.sell(begin_s)
            self.second_burst = self.second_burst or self.ends()
        self.sell(now_s - BURST_S - 60)

    def sell(self, begin_s: int) -> None:
        """Sell for a burst, with records that are not accepted, of which one ends each second."""
        producer = open_producer(self.session.kafka, "spaf-test")
        for second in range(begin_s, begin_s + BURST_S):
            for number in range(SALES_A_SECOND):
                at_ms = second * 1_000 + 900 * number // SALES_A_SECOND
                value, _ = self._stream.next_sale(at_ms * 1_000, at_ms * 1_000)
                self._append(producer, number % 2, value, at_ms)
            for _ in range(SURGE_SALES if second == begin_s + SURGE_SECOND else 0):
                self._append(producer, 0, TOY, second * 1_000 + 950)
            hostile = HOSTILE[second % len(HOSTILE)]
            self._append(producer, second % 2, hostile, second * 1_000 + 999)
        assert producer.flush(PATIENCE_S) == 0

    def _append(self, producer: Producer, partition: int, value: bytes | None, at_ms: int) -> None:
        producer.produce(self.session.topic, value, partition=partition, timestamp=at_ms)

    def ends(self) -> dict[int, int]:
        """Return the end of the topic."""
        return end_offsets(self.session.kafka, self.session.topic)

    def explain(self) -> None:
        """Let the quarantine catch up."""
        QuarantineWorker(source(self.session), FULL_SPEED).catch_up()

    def total(self) -> queries.Row:
        """Return the accounts of the whole topic."""
        with self.session.access.session(Role.READ) as connection:
            return queries.ingest_total(connection)

    def summary(self) -> set[tuple[object, ...]]:
        """Return the rows of sales_summary."""
        with self.session.access.session(Role.READ) as connection:
            return set(queries.summary(connection))

    def droppable(self) -> datetime | None:
        """Return what may be dropped with a day and a half to keep."""
        now = datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
        with self.session.access.session(Role.READ) as connection:
            known = retention.progress(connection)
        keep, reserve = timedelta(days=1.5), timedelta(hours=1.2)
        return retention.droppable_before(known, self.ends(), now, keep=keep, reserve=reserve)

    def delete_records(self) -> None:
        """Delete the first burst and a part of the second from partition 0; 1 stays whole."""
        part = TopicPartition(self.session.topic, 0, self.second_burst[0] + 100)
        admin = AdminClient({"bootstrap.servers": self.session.kafka})
        (deleted,) = admin.delete_records([part]).values()
        deleted.result()

    def begin_again(self) -> None:
        """Prepare the tables for a job that counts from the first record that is left."""
        target = self.session.job_target(self.session.topic)
        job, start = JobSupervisor(self.settings, self.session.home, target), target.begin_offsets()
        job._keep_cut_rows(start)
        with target.access.session(Role.SINK) as connection:
            job._start_from_log(connection, start)


@pytest.fixture(scope="module")
def story(stack: Run, name: Callable[[str], str]) -> Story:
    """Return a topic of three days, of its own."""
    session = stack.with_tables(name("sales"), name("answers"))
    create_stamped_topic(session.kafka, session.topic, 2)
    migrate(session.access)
    now = datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
    # Parts as they would have been created on each of the days.
    for days in (3, 2, 0):
        retention.create_ahead(session.access, now - timedelta(days=days), by_day=True)
    settings = stack.settings.model_copy(update={"job": JOB})
    session.contract = JobContract.of(settings)
    return Story(session, settings)


@pytest.fixture(scope="module")
def result(story: Story, running_job: RunJob, settle: Settle) -> GoneResult:
    """Drop the first day, delete the first records of a partition, count again."""
    session, settings = story.session, story.settings
    totals, summaries = [], []

    def note() -> None:
        story.explain()
        totals.append(story.total())
        summaries.append(story.summary())

    with running_job(session, settings, None):
        whole = settle(session)
        note()
        droppable = story.droppable()
        before = datetime.fromtimestamp(story.midnight_s, UTC)
        assert retention.drop_before(session.access, before)
        assert not retention.drop_before(session.access, before)
        dropped = verify(session, so_far=True)
        note()
    story.delete_records()
    cut = verify(session, so_far=True)
    story.begin_again()
    with running_job(session, settings, None):
        recounted = settle(session)
        note()
    return GoneResult(
        *(whole, dropped, cut, recounted),
        before,
        droppable,
        totals,
        summaries,
    )


def test_everything_is_proven_at_first(result: GoneResult) -> None:
    """Three days, and anomalies in them."""
    assert list(map(str, result.whole.differences)) == []
    assert result.whole.proven_from is None
    assert result.whole.rows["sale_anomaly"] > 10


def test_what_job_and_quarantine_have_passed_may_be_dropped(result: GoneResult) -> None:
    """Up to a midnight, a day and a half ago."""
    assert result.droppable is not None
    assert result.before <= result.droppable <= result.before + timedelta(days=1)


def test_dropped_rows_are_neither_missing_nor_silent(result: GoneResult) -> None:
    """The verdict says from where on it holds; the topic still has every record."""
    proven = result.dropped.proven_from
    assert list(map(str, result.dropped.differences)) == []
    assert result.dropped.exact
    assert proven is not None
    assert proven.dropped_before == round(result.before.timestamp())
    assert proven.deleted == {}
    assert result.dropped.records == result.whole.records
    assert 0 < result.dropped.rows["sales_summary"] < result.whole.rows["sales_summary"]
    assert 0 < result.dropped.rows["window_anomaly"] < result.whole.rows["window_anomaly"]


def test_the_accounts_hold_dropped_seconds(result: GoneResult) -> None:
    """Also after a job has counted everything again: nothing is doubled."""
    first, *others = result.totals
    assert first["records"] == result.whole.records
    assert others == [first] * len(others)


def test_deleted_records_leave_a_part_to_prove(result: GoneResult) -> None:
    """Rows to which they may belong are not compared, and the verdict says so."""
    proven = result.cut.proven_from
    assert list(map(str, result.cut.differences)) == []
    assert result.cut.exact
    assert proven is not None
    assert set(proven.deleted) == {0}
    assert sum(proven.deleted.values()) + result.cut.records + result.cut.without_record == (
        result.whole.records + result.whole.without_record
    )
    assert 0 < result.cut.rows["sales_summary"] < result.dropped.rows["sales_summary"]
    assert 0 < result.cut.rows["sale_anomaly"] < result.dropped.rows["sale_anomaly"]
    assert result.cut.rows["window_anomaly"] > 0


def test_a_count_from_what_is_left_changes_no_row(result: GoneResult) -> None:
    """None of the first day comes back, and none to which deleted records belong gets smaller."""
    assert list(map(str, result.recounted.differences)) == []
    assert result.recounted.exact
    whole, dropped, recounted = result.summaries
    assert dropped < whole
    assert recounted == dropped
