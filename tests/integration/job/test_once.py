"""Each transactionId once: the job's SQL over rows made by hand, worked out by hand."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spaf.bench.detection.batch import Batch
from spaf.job import build
from spaf.sale import Sale
from spaf.sale.dedup import Deduplicator, LogPosition
from spaf.settings import Settings
from tests.support.flink import Answers, ask_views

BLOCK_S = 600
# The start of a block.
BASE = 1_763_800_200
PARAMETERS = build.JobParameters.of(Settings(), ("books", "toys"), duplicate_block_s=BLOCK_S)
LONGEST = "\N{GRINNING FACE}" * 64
LUCKY, COPIES, IDS = 7, 1_500, 400
Row = dict[str, Any]


def line(place: LogPosition, category: str, transaction_id: str | None, **columns: Any) -> Row:
    """Return a row of the log: a sale of 1.00 in the second in which it is appended."""
    return {
        "kafka_partition": place.partition,
        "kafka_offset": place.offset,
        "append_ms": place.append_ms,
        "place": 0,
        "productId": "p",
        "productCategory": category,
        "productPrice": 1.0,
        "productQuantity": 1.0,
        "transactionId": transaction_id,
        **columns,
    }


def at(second: float, partition: int = 0, offset: int = 0) -> LogPosition:
    """Return a position, seconds from the start of the block."""
    return LogPosition(BASE * 1_000 + round(second * 1_000), partition, offset)


def by_hand() -> list[Row]:
    """Return copies, each category for a case."""
    big = 2**62
    return [
        # The first of three, by time; it is neither read first nor of the lowest partition.
        line(at(5), "time", "time", productPrice=5.0),
        line(at(4.999, 3), "time", "time", productPrice=4.0),
        line(at(9, 0, 9), "time", "time", productPrice=4.0),
        # By milliseconds within a second, and across a minute.
        line(at(70.301), "clock", "millisecond", productQuantity=2.0),
        line(at(70.3, 9), "clock", "millisecond", productQuantity=3.0),
        line(at(60), "clock", "minute", productQuantity=2.0),
        line(at(59.9, 9), "clock", "minute", productQuantity=4.0),
        # The same millisecond: the lower partition; the same partition: the lower offset.
        line(at(10, 2, 1), "partition", "partition", productQuantity=2.0),
        line(at(10, 11, 0), "partition", "partition", productQuantity=11.0),
        line(at(20, 1, 10), "offset", "offset", productQuantity=10.0),
        line(at(20, 1, 9), "offset", "offset", productQuantity=9.0),
        line(at(20, 1, big), "offset", "offset", productQuantity=1.0),
        # The last millisecond of a block and the first of the next.
        line(at(BLOCK_S - 0.001), "edge", "edge"),
        line(at(BLOCK_S), "edge", "edge"),
        line(at(BLOCK_S + 1), "edge", "edge"),
        line(at(0), "edge", "edge"),
        # No identifier, or none of the contract's form: each counts.
        *(line(at(30), "none", name) for name in (None, "", "x" * 65, "a\tb", "a\x85") * 2),
        *(line(at(30, 0, n), "longest", LONGEST) for n in range(3)),
        # Only accepted sales are copies.
        line(at(40), "accepted", "accepted", eventTime="1"),
        line(at(41), "accepted", "accepted", productPrice=-1.0),
        line(at(42), "accepted", "accepted"),
        # Copies that differ in what was sold; the time alone is no conflict, nor the product.
        line(at(50), "conflict", "price", productPrice=9_999_999_999.99, productQuantity=1e6),
        line(at(51), "conflict", "price", productPrice=9_999_999_999.98, productQuantity=1e6),
        line(at(50), "conflict", "currency", currency="USD"),
        line(at(51), "conflict", "currency", currency="EUR"),
        line(at(50), "it's", "category"),
        line(at(51), 'it"s', "category"),
        line(at(50), "same", "same", eventTime=str(BASE * 1_000), productId="one"),
        line(at(51), "same", "same", eventTime=str((BASE + 1) * 1_000), productId="two"),
    ]


def by_luck() -> tuple[list[Row], Deduplicator]:
    """Return many copies in any order in another block, and what is first among them."""
    rng, once, rows = random.Random(LUCKY), Deduplicator(BLOCK_S * 1_000), []  # noqa: S311 - no secret
    for number in range(COPIES):
        place = LogPosition(
            (BASE + 2 * BLOCK_S + rng.randrange(9)) * 1_000, rng.randrange(12), number
        )
        name, category = f"id-{rng.randrange(IDS)}", rng.choice(("lucky", "lückier"))
        cents, quantity = rng.randrange(10**12), rng.randrange(1, 10**6)
        event_s = place.append_ms // 1_000 - rng.randrange(4)
        rows.append(
            line(
                place,
                category,
                name,
                productPrice=cents / 100,
                productQuantity=float(quantity),
                eventTime=str(event_s * 1_000),
            )
        )
        sale = Sale(category, "BRL", cents, quantity, event_s * 1_000, name, "p", None, None)
        once.add(place, sale)
    rng.shuffle(rows)
    return rows, once


@pytest.fixture(scope="module")
def answers(flink: Batch, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return what the views say of both logs."""
    folder = tmp_path_factory.mktemp("copies")
    return ask_views(flink, folder, PARAMETERS, by_hand() + by_luck()[0])


def summary(answers: Answers, category: str) -> list[list[Any]]:
    """Return (second of the block, currency, sales, units, money) of a category; zeros are none."""
    rows = [row for row in answers["summary_per_second"] if row[1] == category and row[3]]
    return sorted([row[0] - BASE, *row[2:]] for row in rows)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("time", [[4, "BRL", 1, 1, "4.00"]]),
        ("clock", [[59, "BRL", 1, 4, "4.00"], [70, "BRL", 1, 3, "3.00"]]),
        ("partition", [[10, "BRL", 1, 2, "2.00"]]),
        ("offset", [[20, "BRL", 1, 9, "9.00"]]),
        ("edge", [[0, "BRL", 1, 1, "1.00"], [BLOCK_S, "BRL", 1, 1, "1.00"]]),
        ("none", [[30, "BRL", 10, 10, "10.00"]]),
        ("longest", [[30, "BRL", 1, 1, "1.00"]]),
        ("accepted", [[42, "BRL", 1, 1, "1.00"]]),
        (
            "conflict",
            [[50, "BRL", 1, 1_000_000, "9999999999990000.00"], [50, "USD", 1, 1, "1.00"]],
        ),
        ("it's", [[50, "BRL", 1, 1, "1.00"]]),
        ('it"s', []),
        ("same", [[0, "BRL", 1, 1, "1.00"]]),
    ],
)
def test_the_first_copy_counts(answers: Answers, category: str, expected: list[list[Any]]) -> None:
    """One sale a block, with the time, the price and the pieces of the copy appended first."""
    assert summary(answers, category) == expected


def test_every_copy_touches_its_second(answers: Answers) -> None:
    """A second without a sale of its own is written too, as zeros: a restart may have left one."""
    empty = {row[1]: row[0] - BASE for row in answers["summary_per_second"] if row[3] == 0}
    assert {name: empty[name] for name in ("time", 'it"s', "same")} == {
        "time": 9,
        'it"s': 51,
        "same": 1,
    }


def test_duplicates_of_each_block(answers: Answers) -> None:
    """Copies beyond the first, and of how many sales they differ in what was sold."""
    (lucky,) = by_luck()[1].duplicates().items()
    assert sorted(answers["duplicates_per_block"]) == [
        # time 2, clock 2, partition 1, offset 2, edge 1, longest 2; conflict 2, category, same.
        [BASE, 2 + 2 + 1 + 2 + 1 + 2 + 4, 3 + 2 + 3],
        [BASE + BLOCK_S, 1, 0],
        [lucky[0][0], *lucky[1]],
    ]


def test_many_copies_in_any_order(answers: Answers) -> None:
    """Each row of the sums is that of the first copies, found in another way."""
    sales: Counter[tuple[int, str]] = Counter()
    cents: Counter[tuple[int, str]] = Counter()
    for found in by_luck()[1].sales.values():
        key = found.first.event_ms // 1_000 - BASE, found.first.category
        sales[key] += 1
        cents[key] += found.first.cents
    expected = {key: (sales[key], f"{cents[key] // 100}.{cents[key] % 100:02d}") for key in sales}
    assert {
        (row[0], category): (row[2], row[4])
        for category in ("lucky", "lückier")
        for row in summary(answers, category)
    } == expected


def test_the_ledger_goes_on_counting_records(answers: Answers) -> None:
    """Each accepted copy is a record that was accepted; what counts of them is in the list."""
    accepted = sum(row[2] for row in answers["ledger_per_second"])
    counted = sum(row[3] for row in answers["summary_per_second"])
    duplicates = sum(row[1] for row in answers["duplicates_per_block"])
    assert accepted == counted + duplicates == len(by_hand()) - 2 + COPIES


def test_without_it_every_copy_counts(flink: Batch, tmp_path: Path) -> None:
    """Off, there is neither the answer nor the loss of a copy."""
    rows = by_hand()
    found = ask_views(flink, tmp_path, replace(PARAMETERS, duplicate_block_s=0), rows)
    assert "duplicates_per_block" not in found
    assert sum(row[3] for row in found["summary_per_second"]) == len(rows) - 2
