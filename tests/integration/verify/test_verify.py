"""The proof on a real run: live, complete, damaged, stopped, and from a dump."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs

from spaf import clock
from spaf.bench.agreement.synthetic import HOSTILE
from spaf.bench.run.verdict import snapshot, verify, verify_dump
from spaf.errors import VerifyError
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.settings import JobSettings
from spaf.stack.run import Run
from spaf.stack.state import JobContract
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.topic.admin import create_stamped_topic
from spaf.topic.producer import open_producer
from spaf.verify import TableRows, Verdict
from spaf.verify.dump import Dump
from tests.support.runs import RunJob, Settle

# Seconds of traffic, whose append times are stated: they end before the present, seconds.
SECONDS = 28
BEFORE_NOW_S = 60
SALES_A_SECOND = 120
SURGE_SECOND, SURGE_SALES = 24, 150
TOY = b'{"productId":"s","productCategory":"toys","productPrice":5,"productQuantity":1}'
PATIENCE_S = 30.0
JOB = JobSettings(checkpoint_ms=1_000, parallelism=2, surge_seconds=12, outlier_score=4.0)


@dataclass
class JobResult:
    """What the proof said at each moment."""

    session: Run
    live: Verdict
    whole: Verdict
    stopped: Verdict
    dump: Path
    tables: TableRows


class Shop:
    """Sends the records of one second after the other to both partitions of a topic."""

    def __init__(self, session: Run) -> None:
        """Begin a minute ago."""
        self._session = session
        self._producer = open_producer(session.kafka, "spaf-test")
        self._stream = SaleStream(
            catalogue.build(3), seed=3, run_id="v", currencies=("BRL", "USD"), anomaly_rate=0.02
        )
        self._second_ms = clock.now_ms() - BEFORE_NOW_S * 1_000

    def next_second(self) -> None:
        """Go on to the next second."""
        self._second_ms += 1_000

    def sell(self, sales: int) -> None:
        """Send sales, half of them to each partition in turn."""
        for partition in (0, 1):
            for number in range(sales // 2):
                at_ms = self._second_ms + 500 * partition + 500 * number // sales
                value, _ = self._stream.next_sale(at_ms * 1_000, at_ms * 1_000)
                self._append(partition, value, at_ms)
        assert self._producer.flush(PATIENCE_S) == 0

    def send(self, partition: int, values: Sequence[bytes | None]) -> None:
        """Send records, the last of their second."""
        for value in values:
            self._append(partition, value, self._second_ms + 999)
        assert self._producer.flush(PATIENCE_S) == 0

    def _append(self, partition: int, value: bytes | None, at_ms: int) -> None:
        self._producer.produce(self._session.topic, value, partition=partition, timestamp=at_ms)


@pytest.fixture(scope="module")
def run(
    stack: Run,
    name: Callable[[str], str],
    running_job: RunJob,
    settle: Settle,
) -> JobResult:
    """Sell for some seconds, anomalies, a surge and hostile records among the sales."""
    session = stack.with_tables(name("sales"), name("answers"))
    create_stamped_topic(session.kafka, session.topic, 2)
    migrate(session.access)
    settings = stack.settings.model_copy(update={"job": JOB})
    session.contract = JobContract.of(settings)
    shop = Shop(session)
    with running_job(session, settings, None):
        for second in range(SECONDS):
            shop.sell(SALES_A_SECOND)
            shop.send(second % 2, [HOSTILE[second % len(HOSTILE)]])
            if second == SURGE_SECOND:
                shop.send(0, [TOY] * SURGE_SALES)
            shop.next_second()
        settle(session)
        shop.sell(SALES_A_SECOND)
        live = verify(session, so_far=True)
        whole = settle(session)
        tables = snapshot(session)
    shop.next_second()
    shop.sell(50)
    dump = session.home.runs / "kept"
    stopped = verify(session, so_far=True, keep=dump)
    return JobResult(session, live, whole, stopped, dump, tables)


def test_every_table_of_a_run_is_exact(run: JobResult) -> None:
    """The job's rows are those of both formulations, detections too."""
    assert list(map(str, run.whole.differences)) == []
    assert list(map(str, run.whole.disagreements)) == []
    assert run.whole.exact
    assert run.whole.unaccounted == 0
    assert run.whole.rows["sale_anomaly"] > 10
    assert run.whole.rows["window_anomaly"] > 0
    assert "surge" in {row.kind for row in run.tables.traffic}
    assert 0 < run.whole.by_decoder <= SECONDS


def test_no_false_alarm_while_sales_go_on(run: JobResult) -> None:
    """What comes behind the cut leaves rows open, and makes nothing unequal."""
    assert list(map(str, run.live.differences)) == []
    assert run.live.exact
    assert run.live.records <= run.whole.records


def test_a_stopped_job_is_verified_as_far_as_it_came(run: JobResult) -> None:
    """Sales that no job has read are open, not missing."""
    assert list(map(str, run.stopped.differences)) == []
    assert run.stopped.exact
    assert run.stopped.records == run.whole.records
    assert run.stopped.open_groups > 0


def test_a_kept_dump_stands_for_the_topic(run: JobResult) -> None:
    """Without Kafka the verdict is the same."""
    verdict = verify_dump(run.session, Dump(run.dump))
    assert verdict.exact
    live, dumped = (structs.replace(v.report(), verify_seconds={}) for v in (run.stopped, verdict))
    assert dumped == live


@pytest.mark.parametrize(
    ("damage", "repair"),
    [
        (
            "UPDATE sales_summary SET total_sales = total_sales + 0.01",
            "UPDATE sales_summary SET total_sales = total_sales - 0.01",
        ),
        (
            "UPDATE ledger_second SET accepted = accepted + 1",
            "UPDATE ledger_second SET accepted = accepted - 1",
        ),
        (
            "UPDATE sale_anomaly SET kafka_partition = kafka_partition + 7",
            "UPDATE sale_anomaly SET kafka_partition = kafka_partition - 7",
        ),
        (
            "UPDATE window_anomaly SET observed = observed - 1",
            "UPDATE window_anomaly SET observed = observed + 1",
        ),
    ],
)
def test_damage_in_the_database_is_found(run: JobResult, damage: str, repair: str) -> None:
    """A change in any table is a difference."""
    with run.session.access.session(Role.SINK) as connection:
        connection.execute(damage.encode())
        connection.commit()
        verdict = verify_dump(run.session, Dump(run.dump))
        connection.execute(repair.encode())
        connection.commit()
    assert not verdict.exact
    assert verdict.formulations_agree


def test_a_dump_older_than_the_tables_is_refused(run: JobResult, tmp_path: Path) -> None:
    """It cannot tell what the tables should hold."""
    header = Dump(run.dump).header()
    Dump(tmp_path).write_header(
        type(header)(header.topic, {}, {0: 1, 1: 1}, header.rules, header.detection)
    )
    with pytest.raises(VerifyError, match="the dump ends at"):
        verify_dump(run.session, Dump(tmp_path))
