"""The job on a real cluster: one submission, one topic with every kind of record, many questions.

Each scenario has category names of its own, so that they share topic, job and tables.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from spaf import clock
from spaf.job.flink_client import FlinkClient
from spaf.settings import JobSettings
from spaf.stack.run import Run
from spaf.stack.service_names import TASKMANAGER
from spaf.store import queries
from spaf.store.access import Role
from spaf.verify import Verdict
from tests.support.plans import changes_of_sinks
from tests.support.runs import Own, RunJob, Send, Settle

GOOD = b'"productId":"p","productCategory":"bad","productPrice":1.25,"productQuantity":3'
PRODUCT = b'"productId":"p","productCategory":"bad"'
LARGEST = 64 * 1024
CURRENCIES = ("BRL", "USD", "EUR")
STRANGE = ("Café \N{HOT BEVERAGE}", "日本語", "\N{GRINNING FACE}" * 64, 'it\'s "so" \\ 100%', " ")
TREASURES = 300
# Records that are no sale, whatever is tried; none may stop the job.
BAD: tuple[bytes | None, ...] = (
    # Nothing, or not an object.
    *(None, b"", b" ", b"\n", b"null", b"7", b"true", b'"text"', b"[]", b"[1,2]", b"{}", b"NaN"),
    # Broken JSON.
    *(b"{", b"}", b"{" + GOOD, b"{" + GOOD + b",", b"{'productId':1}", b"{%s" % GOOD[:30], b"]["),
    *(b"{productId:1}", b"<sale/>", b"productId,1", b'{"productId":"\\q"}', b"\\", b'"'),
    # Not text.
    *(b"\x00", b"\x00" * 64, b"\xff\xfe", b"\xff" * 300, b"\x80", b"caf\xe9", bytes(range(256))),
    *(b'{"productId":"\xff\xfe",%s}' % GOOD, b"{%s}\xff" % GOOD[:-1], b'{"productId":"a\x00b"'),
    # Too deep, too long.
    *(b"[" * LARGEST, b'{"a":' * 9_000, b"{" * 64, b"x" * LARGEST, b" " * LARGEST, b'{"a":[[[[{}'),
    b'{%s,"productId":"%s"}' % (GOOD, b"x" * LARGEST),
    b'{%s,"productCategory":"%s"}' % (GOOD, b"x" * LARGEST),
    b'{"a":{"b":{"c":[1,2,{"d":null,"productId":"p"}]}},"productQuantity":1}',
    # A field is missing.
    *(
        b'{"productCategory":"bad","productPrice":1,"productQuantity":1}',
        b'{"productId":"p","productPrice":1,"productQuantity":1}',
        b'{%s,"productQuantity":1}' % PRODUCT,
        b'{%s,"productPrice":1}' % PRODUCT,
    ),
    # A price that is none.
    *(
        b'{%s,"productQuantity":1,"productPrice":%s}' % (PRODUCT, price)
        for price in (
            *(b"null", b'"abc"', b"true", b"{}", b"[]", b'""', b"-0.01", b"1.005", b"1e10"),
            *(b"1e400", b"-1e400", b"NaN", b'"NaN"', b'"Infinity"', b"Infinity", b"9" * 500),
            *(b"9999999999.999", b"0.001", b"1,5", b'"1,5"', b"0x10"),
        )
    ),
    # A quantity that is none.
    *(
        b'{%s,"productPrice":1,"productQuantity":%s}' % (PRODUCT, quantity)
        for quantity in (
            *(b"null", b'"many"', b"0", b"-1", b"1.5", b"1000001", b"1e400", b"NaN", b"[3]"),
            *(b"false", b"9223372036854775808", b'" "', b"1e-400"),
        )
    ),
    # Texts that are not allowed.
    *(
        b"{%s,%s}" % (GOOD, extra)
        for extra in (
            *(b'"productId":""', b'"productId":"%s"' % (b"x" * 65), b'"productId":null'),
            *(b'"productCategory":""', b'"productCategory":"%s"' % (b"x" * 65)),
            *(b'"productCategory":"a\\u0000b"', b'"productCategory":"a\\nb"'),
            *(b'"productCategory":"\\u007f"', b'"productCategory":"\\u0085"'),
            *(b'"productCategory":{"bad":1}', b'"productCategory":["bad"]'),
            *(b'"currency":"usd"', b'"currency":"USDT"', b'"currency":""', b'"currency":7'),
            *(b'"currency":"U\\u0000D"', b'"currency":"\\uff35SD"'),
            *(b'"eventTime":"yesterday"', b'"eventTime":-5', b'"eventTime":1e30'),
            *(b'"eventTime":""', b'"eventTime":99999999999999999999', b'"eventTime":{}'),
            *(b'"transactionDate":"2025-02-30T12:00:00"', b'"transactionDate":"22/11/2025"'),
            *(b'"transactionDate":""', b'"transactionDate":"2025-11-22T25:00:00"'),
        )
    ),
)


def sale(category: str, price: str = "10.00", quantity: int = 1, **more: Any) -> bytes:
    """Return a sale; the price as it is written."""
    extra = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in more.items())
    text = (
        f'{{"productId":{json.dumps(category)},"productCategory":{json.dumps(category)},"productPrice":{price},'
        f'"productQuantity":{quantity}{extra}}}'
    )
    return text.encode()


@dataclass
class JobResult:
    """What was sent, and everything that the tables say of it."""

    session: Run
    job: str
    # Of the TaskManager, before the job.
    restarts: int
    second: int
    sent: int
    accepted: int
    late: int
    rejected: int
    outlier_offset: int
    verdict: Verdict
    summary: list[tuple[Any, ...]]
    account: list[dict[str, Any]]
    outliers: list[dict[str, Any]]

    def rows(self, *categories: str) -> list[tuple[Any, ...]]:
        """Return the summary rows of some categories, in order of time, category, currency."""
        return sorted(row for row in self.summary if row[1] in categories)


@pytest.fixture(scope="module")
def run(
    stack: Run,
    own: Own,
    send: Send,
    running_job: RunJob,
    settle: Settle,
) -> Iterator[JobResult]:
    """Send everything, half of it before the job starts, and read all tables once it is through."""
    session = own(2)
    settings = stack.settings.model_copy(
        update={"job": JobSettings(checkpoint_ms=1_000, parallelism=2)}
    )
    now_ms = clock.now_ms()
    second = now_ms // 1_000 - 120
    good, bad, late = traffic(second * 1_000, now_ms)
    restarts = task_manager_restarts(session)
    send(session, 0, good[0])
    send(session, 1, bad)
    with running_job(session, settings, None) as job:
        outlier = send(session, 0, outliers())[-1]
        send(session, 1, good[1])
        send(session, 0, late)
        verdict = settle(session)
        with session.access.connect(Role.READ) as connection:
            cursor = connection.execute("SELECT * FROM sale_anomaly")
            names = [column.name for column in cursor.description or ()]
            anomalies = [dict(zip(names, row, strict=True)) for row in cursor]
            summary, account = queries.summary(connection), queries.ingest_account(connection)
        yield JobResult(
            session=session,
            job=job,
            restarts=restarts,
            second=second,
            sent=sum(session.end_offsets().values()),
            accepted=len(good[0]) + len(good[1]) + len(outliers()) + len(BAD),
            late=len(late) - 2,
            rejected=len(BAD) + 2,
            outlier_offset=outlier,
            verdict=verdict,
            summary=summary,
            account=account,
            outliers=anomalies,
        )


Records = list[bytes | None]


def task_manager_restarts(run: Run) -> int:
    """Return how often the TaskManager was started again."""
    return run.state().services[TASKMANAGER].restarts


def traffic(event_ms: int, now_ms: int) -> tuple[tuple[Records, Records], Records, Records]:
    """Return good records a partition, good and bad ones in turn, and late and ahead ones."""
    first: Records = [sale("four fields", "19.99", 2) for _ in range(10)]
    for currency in CURRENCIES:
        first += [sale("money", "0.10", 3, currency=currency, eventTime=event_ms)] * 7
    first += [sale(name, "1.10", eventTime=event_ms + 999) for name in STRANGE]
    first.append(sale("long", "5.00", eventTime=event_ms, productName="n" * LARGEST))
    second: Records = [
        sale("treasure", "9999999999.99", 1_000_000, eventTime=event_ms) for _ in range(TREASURES)
    ]
    second += [sale("money", "0.10", 3, currency="BRL", eventTime=event_ms + 500)] * 4
    second += [sale("money", "0.10", 3, currency="BRL", eventTime=event_ms + 1_000)] * 5
    mixed: Records = []
    for value in BAD:
        mixed += [value, sale("beside bad", "0.01", eventTime=event_ms)]
    late: Records = [sale("late", eventTime=now_ms - 660_000)] * 6
    late += [sale("ahead", eventTime=now_ms + 3_600_000)] * 2
    return (first, second), mixed, late


def outliers() -> Records:
    """Return sales of which only the very last stands out from enough others."""
    few: Records = [sale("young", f"{10 + n % 3}.00") for n in range(4)]
    few.append(sale("young", "1000.00"))
    many: Records = [sale("steady", f"{10 + n % 3}.00") for n in range(100)]
    return [*few, *many, sale("steady", "1100.00", 1, transactionId="tx-outlier")]


def test_the_job_never_stumbles(run: JobResult) -> None:
    """No bad record makes the job fail, restart or go away."""
    with closing(FlinkClient(run.session.flink)) as client:
        status = client.status(run.job)
        exceptions = client.get(f"/jobs/{run.job}/exceptions")
        # Its metrics follow within ten seconds; the times of its states are there at once.
        restarted_ms = client.get(f"/jobs/{run.job}")["timestamps"]["RESTARTING"]
    assert status is not None
    assert status.running
    assert exceptions["exceptionHistory"]["entries"] == []
    assert restarted_ms == 0
    assert task_manager_restarts(run.session) == run.restarts


def test_each_row_is_written_over_the_one_before(run: JobResult) -> None:
    """The planner knows the key of every sink, so none is sent the row of before, to delete it."""
    assert changes_of_sinks(run.session) >= {"INSERT", "UPDATE_AFTER"}
    assert "UPDATE_BEFORE" not in changes_of_sinks(run.session)


def test_the_tables_are_exact(run: JobResult) -> None:
    """Recomputed from the topic alone, every row is equal and every record is accounted for."""
    assert run.verdict.differences == []
    assert run.verdict.exact
    assert run.verdict.unaccounted == 0
    assert run.verdict.records == run.sent
    assert run.verdict.open_groups == 0


def test_every_record_has_the_outcome_it_was_sent_for(run: JobResult) -> None:
    """Counted by hand: what was made to be good, late or bad is just that."""
    sums = [sum(row[name] for row in run.account) for name in ("accepted", "late", "rejected")]
    assert sums == [run.accepted, run.late, run.rejected]
    assert sum(row["end_offset"] - row["start_offset"] for row in run.account) == run.sent


def test_good_sales_between_bad_ones_are_exact(run: JobResult) -> None:
    """Each bad record is followed by a sale, and not one of those is lost or changed."""
    expected = (run.second, "beside bad", "BRL", len(BAD), len(BAD), Decimal(len(BAD)) / 100)
    assert run.rows("beside bad") == [expected]
    assert run.rows("bad") == []


def test_four_fields_make_a_sale(run: JobResult) -> None:
    """The client of the brief sends no time and no currency: arrival and the default count."""
    rows = run.rows("four fields")
    assert {row[2] for row in rows} == {"BRL"}
    assert [sum(row[column] for row in rows) for column in (3, 4, 5)] == [10, 20, Decimal("399.80")]
    assert all(run.second < row[0] <= clock.now_ms() // 1_000 for row in rows)


def test_currencies_are_never_added_together(run: JobResult) -> None:
    """The same second and category has a row a currency; both partitions meet in one row."""
    ten_cents = Decimal("0.10")
    assert run.rows("money") == [
        (run.second, "money", "BRL", 11, 33, 33 * ten_cents),
        (run.second, "money", "EUR", 7, 21, 21 * ten_cents),
        (run.second, "money", "USD", 7, 21, 21 * ten_cents),
        (run.second + 1, "money", "BRL", 5, 15, 15 * ten_cents),
    ]


def test_the_largest_sales_do_not_overflow(run: JobResult) -> None:
    """Cents of the largest sale times its quantity, hundreds of times: far beyond 64 bits."""
    total = TREASURES * 1_000_000 * Decimal("9999999999.99")
    assert total * 100 > 2**63
    expected = (run.second, "treasure", "BRL", TREASURES, TREASURES * 1_000_000, total)
    assert run.rows("treasure") == [expected]


def test_any_text_is_a_category(run: JobResult) -> None:
    """Accents, other scripts, characters beyond 16 bits, quotes: stored as they were sent."""
    found = [(row[1], row[3], row[5]) for row in run.rows(*STRANGE)]
    assert sorted(found) == sorted((name, 1, Decimal("1.10")) for name in STRANGE)


def test_a_long_record_is_a_sale(run: JobResult) -> None:
    """A field that the job does not read may fill the record."""
    assert run.rows("long") == [(run.second, "long", "BRL", 1, 1, Decimal("5.00"))]


def test_late_and_ahead_sales_have_no_row(run: JobResult) -> None:
    """They are in the ledger, as late and as rejected, and in no sum of money."""
    assert run.rows("late", "ahead") == []
    assert run.verdict.late_cents == run.late * 1_000


def test_a_sale_outlier_is_found_and_explained(run: JobResult) -> None:
    """The one sale that is a hundredfold, with its place, its identifier and what was usual."""
    (found,) = run.outliers
    assert (found["kafka_partition"], found["kafka_offset"]) == (0, run.outlier_offset)
    assert (found["kind"], found["category"]) == ("high_price", "steady")
    assert found["transaction_id"] == "tx-outlier"
    assert found["amount"] == Decimal("1100.00")
    usual = math.exp(sum(math.log((10 + n % 3) * 100 + 1) for n in range(80, 100)) / 20)
    assert float(found["expected"]) == pytest.approx((usual - 1) / 100, abs=0.01)
    assert found["score"] > 5
