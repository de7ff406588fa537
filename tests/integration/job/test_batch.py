"""The job's SQL, run over rows made by hand: each answer is worked out by hand."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from spaf.bench.detection.batch import Batch
from spaf.job import build
from spaf.settings import Settings
from tests.support.flink import Answers, ask_views

BASE = 1_763_800_000
KNOWN = ("steady", "surging", "dry", "early", "rare", "even", "busy", "silent", "it's")
SURGE_SECONDS = 120
PARAMETERS = build.JobParameters.of(Settings(), KNOWN, surge_seconds=SURGE_SECONDS)
LATE_MS, AHEAD_MS = 600_000, 60_000
# Seconds of traffic, from BASE on; everything else is appended behind them.
TRAFFIC = 200
QUIET = BASE + 1_000
Row = dict[str, Any]


class Log:
    """The log as it grows: offsets count up in each partition, places over all."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: list[Row] = []
        self._ends: dict[int, int] = {}

    def add(self, append_ms: int, category: str, *, partition: int = 0, **columns: Any) -> int:
        """Append a sale of 1.00 that `columns` change, and return its offset."""
        offset = self._ends.get(partition, 0)
        self._ends[partition] = offset + 1
        plain = {"productId": "p", "productPrice": 1.0, "productQuantity": 1.0}
        self.rows.append(
            {
                "kafka_partition": partition,
                "kafka_offset": offset,
                "append_ms": append_ms,
                "place": len(self.rows),
                **plain,
                "productCategory": category,
                **columns,
            }
        )
        return offset

    def skip(self, partition: int, records: int) -> None:
        """Leave offsets out, as records do that cannot be read."""
        self._ends[partition] += records


def counts(second: int) -> Iterator[tuple[str, int]]:
    """Yield how often each category sells in a second of the traffic."""
    yield "steady", 3
    # A run of three, a quiet stretch, one more that belongs to it; then, much later, a new run.
    yield "surging", {60: 60, 61: 60, 62: 60, 75: 400, 160: 5_000}.get(second, 2)
    yield "dry", 0 if second >= 65 else 50
    # As wild as any, but the 44 seconds before it are too few: the last sixteen are no past.
    yield "early", {44: 900}.get(second, 2)
    # Too rare for one second to show that it has stopped.
    yield "rare", 0 if second >= 180 else 3
    # Its last sale is at the beginning of second 89.
    yield "even", 5 if second < 89 else int(second == 89)
    # Four times the usual for half a minute: the quiet after it is no drought.
    yield "busy", 88 if 100 <= second < 130 else 22
    yield "not in the catalogue", 1


PRICES = [f"{10 + 2 * (n % 2)}.00" for n in range(20)]


def fill(log: Log) -> None:
    """Append every scenario."""
    for second in range(TRAFFIC):
        for category, count in counts(second):
            for n in range(count):
                # All others sell in bunches, which are followed by silence as a rule.
                ms = n * (180 if category == "even" else 1)
                log.add((BASE + second) * 1_000 + ms % 1_000, category, partition=9)
    at = QUIET * 1_000
    summary(log, at)
    ledger(log, at)
    outliers(log, at)
    array(log, at)


def summary(log: Log, at: int) -> None:
    """Append sales whose rows of the summary are known."""
    for event_ms, price, quantity, currency in (
        (at - 5_000, 0.1, 1, None),
        (at - 4_001, 0.2, 2, "BRL"),
        (at - 4_000, 9_999_999_999.99, 1_000_000, None),
        (at - 5_000, 117.01, 3, "USD"),
    ):
        log.add(
            at,
            "summed",
            eventTime=str(event_ms),
            productPrice=price,
            productQuantity=quantity,
            currency=currency,
        )
    log.add(at, "summed", transactionDate="2025-11-22T08:26:35.999-00:10")
    log.add(at, "summed", productPrice=0.0)
    for event_ms in (at - LATE_MS - 1, at - LATE_MS, at + AHEAD_MS, at + AHEAD_MS + 1):
        log.add(at, "edge", productId="edge", eventTime=str(event_ms))
    log.add(at, "refused", productQuantity=1.5)
    log.add(at, "refused", productPrice=1.001)


def ledger(log: Log, at: int) -> None:
    """Append records of two seconds to a partition of their own, with gaps."""
    log.add(at + 100_000, "counted", partition=1)
    log.skip(1, 3)
    log.add(at + 100_999, "counted", partition=1, eventTime="1")
    log.add(at + 100_999, "counted", partition=1, productPrice=None)
    log.skip(1, 2)
    log.add(at + 101_000, "counted", partition=1)


def outliers(log: Log, at: int) -> None:
    """Append histories, and sales that do or do not stand out from them."""
    for name, price in (("high", 5_000.0), ("low", 0.02), ("usual", 14.0)):
        for history in PRICES:
            log.add(at, name, partition=2, productId=name, productPrice=float(history))
        # Another product of the category, and the product in another currency, are no past of it.
        log.add(at, name, partition=2, productId="dear", productPrice=99_000.0)
        log.add(at, name, partition=2, productId=name, productPrice=0.01, currency="JPY")
        log.add(
            at, name, partition=2, productId=name, productPrice=price, transactionId=f"tx-{name}"
        )
    for partition, category, earlier in ((3, "high", 1), (4, "short", 4), (5, "enough", 5)):
        for n in range(earlier):
            log.add(at, category, partition=partition, productPrice=10.0 + n % 2)
        log.add(at, category, partition=partition, productPrice=5_000.0, transactionId="a\nb")
    # Always one price: less than half more is no outlier, whatever the spread says.
    for n in range(45):
        log.add(at, "constant", partition=6, productPrice=16.0 if n == 44 else 10.0)
    # Late and refused sales are part of no history.
    for _ in range(40):
        log.add(at, "unseen", partition=6, productId="unseen", eventTime="1")
    log.add(at, "unseen", partition=6, productId="unseen", productPrice=5_000.0)
    # A typo does not hide the next, nor a bulk order; of both at once the price is reported.
    for n in range(24):
        price = {20: 1_000.0, 21: 100.0, 23: 100.0}.get(n, 10.0)
        log.add(
            at, "masked", partition=7, productPrice=price, productQuantity=50.0 if n > 21 else 1.0
        )


def array(log: Log, at: int) -> None:
    """Append one record of several sales, each far too dear for its product."""
    for name in "xyz":
        for history in PRICES:
            log.add(at, "array", partition=8, productId=name, productPrice=float(history))
    for name, price in (("x", 4_000.0), ("y", 9_000.0), ("z", 5_000.0)):
        log.add(at, "array", partition=8, productId=name, productPrice=price, transactionId=name)
        log.rows[-1]["kafka_offset"] = 1_000


@pytest.fixture(scope="module")
def answers(flink: Batch, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return what the job's views say of the log."""
    log = Log()
    fill(log)
    return ask_views(flink, tmp_path_factory.mktemp("views"), PARAMETERS, log.rows)


def of(rows: Iterable[list[Any]], place: int, *values: object) -> list[list[Any]]:
    """Return the rows with one of the values at a place, in order."""
    return sorted(row for row in rows if row[place] in values)


def test_summary(answers: Answers) -> None:
    """Seconds of event time, currencies apart, the default filled in, money exact."""
    assert of(answers["summary_per_second"], 1, "summed") == [
        # 08:26:35.999 ten minutes west of UTC is 08:36:35 there; QUIET is 08:43:20.
        [QUIET - 405, "summed", "BRL", 1, 1, "1.00"],
        [QUIET - 5, "summed", "BRL", 2, 3, "0.50"],
        [QUIET - 5, "summed", "USD", 1, 3, "351.03"],
        [QUIET - 4, "summed", "BRL", 1, 1_000_000, "9999999999990000.00"],
        [QUIET, "summed", "BRL", 1, 1, "0.00"],
    ]


def test_the_edges_of_lateness(answers: Answers) -> None:
    """Exactly as old and exactly as far ahead as allowed still counts; a millisecond more not."""
    edges = [QUIET - LATE_MS // 1_000, QUIET + AHEAD_MS // 1_000]
    rows = of(answers["summary_per_second"], 1, "edge")
    assert rows == [[edge, "edge", "BRL", 1, 1, "1.00"] for edge in edges]
    assert of(answers["summary_per_second"], 1, "refused") == []


def test_ledger(answers: Answers) -> None:
    """One row a partition and second of append time; what was not read is no part of it."""
    assert of(answers["ledger_per_second"], 0, 1) == [
        [1, QUIET + 100, 1, 1, 1, 0, 5],
        [1, QUIET + 101, 1, 0, 0, 8, 8],
    ]
    sums = [sum(row[column] for row in answers["ledger_per_second"]) for column in (2, 3, 4)]
    # Late: one edge, one counted, forty unseen. Refused: one edge, two refused, one counted.
    assert sums[1:] == [42, 4]


def test_sale_outliers(answers: Answers) -> None:
    """Too dear and too cheap by a leave-one-out score of the logarithm, and nothing else."""
    found = {(row[0], row[4]): row for row in answers["sale_outlier"] if row[0] < 7}
    assert set(found) == {(2, "high"), (2, "low"), (5, "enough")}
    logarithms = [math.log(float(price) * 100 + 1) for price in PRICES]
    mean = statistics.mean(logarithms)
    spread = max(0.1, statistics.stdev(logarithms))
    for category, kind, cents in (("high", "high_price", 500_000), ("low", "low_price", 2)):
        row = found[2, category]
        assert row[2:6] == [kind, f"tx-{category}", category, f"{cents / 100:.2f}"]
        assert float(row[6]) == pytest.approx((math.exp(mean) - 1) / 100, abs=0.006)
        assert row[7] == pytest.approx((math.log(cents + 1) - mean) / spread, rel=1e-3)


def test_an_outlier_does_not_hide_the_next(answers: Answers) -> None:
    """A hundredfold price among the twenty before leaves a tenfold one and a bulk order visible."""
    found = {row[1]: row[2] for row in answers["sale_outlier"] if row[0] == 7}
    assert found == {20: "high_price", 21: "high_price", 22: "bulk_quantity", 23: "high_price"}
    bulk = next(row for row in answers["sale_outlier"] if row[:2] == [7, 22])
    assert bulk[5:7] == ["500.00", "10.00"]
    assert bulk[7] == pytest.approx(math.log(50) / 0.5, rel=1e-3)


def test_the_dearest_sale_stands_for_its_record(answers: Answers) -> None:
    """Of several sales of one record that are unusual in one way one has a row, always the same."""
    (found,) = of(answers["sale_outlier"], 0, 8)
    assert found[1:6] == [1_000, "high_price", "y", "array", "9000.00"]


def test_a_score_needs_a_history(answers: Answers) -> None:
    """With four earlier sales of the product in the partition none is flagged, with five one is."""
    assert [row[:2] for row in of(answers["sale_outlier"], 4, "short", "enough")] == [[5, 5]]


def test_each_partition_has_its_own_history(answers: Answers) -> None:
    """Partitions are read side by side: only inside one is the order of sales known."""
    assert of(answers["sale_outlier"], 0, 3) == []


def test_a_hostile_identifier_is_not_repeated(answers: Answers) -> None:
    """An identifier with control characters is left out; the sale is found all the same."""
    assert [row[3] for row in of(answers["sale_outlier"], 0, 5)] == [None]


def test_every_known_category_has_every_second(answers: Answers) -> None:
    """A silent category counts as zero; what is not in the catalogue is one category."""
    rows = [row for row in answers["traffic_per_second"] if row[0] < BASE + TRAFFIC]
    found = {(row[0] - BASE, row[1]): row[2] for row in rows}
    assert len(found) == len(rows)
    expected = {(s, name): 0 for s in range(TRAFFIC) for name in (*KNOWN, "(other)")}
    for second in range(TRAFFIC):
        for category, count in counts(second):
            expected[second, category if category in KNOWN else "(other)"] = count
    assert found == expected


def test_traffic_outliers(answers: Answers) -> None:
    """Surges and droughts, each run of alerts once; the next run after the cool-down."""
    rows = [row for row in answers["traffic_outlier"] if row[0] < BASE + TRAFFIC]
    found = [[row[0] - BASE, *row[1:4]] for row in sorted(rows)]
    assert found == [
        [45, "early", "surge", 902],
        [60, "surging", "surge", 60],
        [65, "dry", "drought", 0],
        [91, "even", "drought", 0],
        [100, "busy", "surge", 88],
        [160, "surging", "surge", 5_000],
        [186, "rare", "drought", 3],
    ]


def test_the_score_of_a_second(answers: Answers) -> None:
    """The signed root of the Poisson deviance, over the span that stands out most."""
    rows = {(row[0] - BASE, row[1]): row for row in answers["traffic_outlier"]}
    for second, category, usual, nearer, span, sign in (
        (60, "surging", 2, 59.5, 1, 1),
        (65, "dry", 50, 0.5, 1, -1),
        (186, "rare", 3, 3.5, 8, -1),
    ):
        expected = span * (40 * usual + 0.5) / 40
        found = [expected, sign * score(nearer, expected, span=span)]
        assert rows[second, category][4:] == pytest.approx(found)


def test_a_silence_counts_from_the_last_sale(answers: Answers) -> None:
    """Two whole seconds would let expect too few sales; the three since the last sale do not."""
    (found,) = of(answers["traffic_outlier"], 1, "even")
    expected = 3 * (40 * 5 + 0.5) / 40
    assert found[4:] == pytest.approx([expected, -0.95 * score(0.5, expected, span=3)])


def score(nearer: float, expected: float, *, span: int) -> float:
    """Return the score of seconds whose past of forty varied no more than chance."""
    deviance = 2 * (nearer * math.log(nearer / expected) - (nearer - expected))
    return math.sqrt(deviance / (1 + span / 40))


def test_a_second_needs_a_history_too(answers: Answers) -> None:
    """29 seconds that are past are too few to flag the wildest one; a second later it is."""
    assert [row[0] - BASE for row in of(answers["traffic_outlier"], 1, "early")] == [45]
