"""Minutes with unusual sales or revenue: both oracles agree, and find what is there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import pytest

from spaf.sale import Record, Rules
from spaf.verify import Answers, Detection, disagreements, duckdb_oracle
from spaf.verify.dump import Dump
from spaf.verify.python_oracle import PythonOracle
from tests.support.scale import scaled

RULES = Rules(default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000)
DETECTION = Detection(6, 1e9, 120, 1e9, ("books", "toys"))
# A Sunday, 22:00 UTC: the log crosses midnight and the end of the weekend.
BASE_S = 1_763_935_200 // 86_400 * 86_400 + 22 * 3_600
Dumped = Callable[[Sequence[Record], Detection], Dump]


def log(
    minutes: int, sales: Callable[[int, str], int], price: Callable[[int, str], float]
) -> list[Record]:
    """Return the records of some minutes, by the number of sales and the price of each category."""
    records = []
    for minute in range(minutes):
        for category in ("books", "toys", "elsewhere"):
            for number in range(sales(minute, category)):
                second = minute * 60 + number % 60
                records.append((second, category, price(minute, category)))
    records.append((minutes * 60, "books", 1.0))
    return [
        Record(0, offset, (BASE_S + second) * 1_000, value(category, cost))
        for offset, (second, category, cost) in enumerate(sorted(records))
    ]


def value(category: str, price: float, currency: str = "BRL", quantity: int = 1) -> bytes:
    """Return a sale."""
    sale = {"productId": "p", "productCategory": category, "productPrice": price}
    return json.dumps({**sale, "productQuantity": quantity, "currency": currency}).encode()


def both(dumped: Dumped, records: Sequence[Record], detection: Detection = DETECTION) -> Answers:
    """Return the answers of Python, after comparing those of DuckDB with them."""
    bound = {0: records[-1].offset + 1}
    python = PythonOracle(RULES, bound, detection)
    python.feed(records)
    answers = python.answers()
    two = duckdb_oracle.recompute(dumped(records, detection), bound, 1)
    assert disagreements(answers, two) == []
    assert answers.traffic.keys() - two.traffic.keys() <= {
        key for key in answers.traffic if key[:2] in answers.borderline_minutes
    }
    return answers


def found(answers: Answers) -> list[tuple[int, str, str]]:
    """Return the alerts by minute of the log."""
    return [
        ((second - BASE_S) // 60, category, kind)
        for second, category, kind in sorted(answers.traffic)
    ]


def steady(seed: int) -> Callable[[int, str], int]:
    """Return a number of sales that varies by chance only."""
    rng = random.Random(seed)  # noqa: S311 - a simulation
    return lambda _minute, category: rng.randint(8, 12) if category != "toys" else rng.randint(0, 2)


@pytest.mark.parametrize("seed", range(1, scaled(3, 10)))
def test_steady_sales_have_no_alert(dumped: Dumped, seed: int) -> None:
    """Not in the first minutes, and not for a category that sells seldom or never."""
    assert found(both(dumped, log(180, steady(seed), lambda *_: 10.0))) == []


def test_more_and_fewer_sales_are_found(dumped: Dumped) -> None:
    """With the revenue that goes with them, each once."""
    usual = steady(4)

    def sales(minute: int, category: str) -> int:
        if category == "books" and minute in {100, 101}:
            return 40
        return 0 if category == "elsewhere" and minute == 120 else usual(minute, category)

    answers = both(dumped, log(180, sales, lambda *_: 10.0))
    alerts = found(answers)
    assert (100, "books", "busy_minute") in alerts
    assert (100, "books", "high_revenue") in alerts
    assert not [alert for alert in alerts if alert[1] == "toys" or alert[0] < 100]
    alert = answers.traffic[BASE_S + 6_000, "books", "busy_minute"]
    assert alert.observed == 40
    assert alert.expected == pytest.approx(10, abs=0.5)
    assert answers.traffic[BASE_S + 6_000, "books", "high_revenue"].observed == 40_000


def test_a_price_that_is_wrong_everywhere_is_found_by_revenue_alone(dumped: Dumped) -> None:
    """The number of sales is as usual."""
    records = log(150, steady(5), lambda minute, _: 100.0 if minute == 130 else 10.0)
    kinds = {kind for minute, _, kind in found(both(dumped, records)) if minute == 130}
    assert kinds == {"high_revenue"}


def test_the_first_hour_has_no_alert(dumped: Dumped) -> None:
    """Too little history, whatever happens in it."""
    records = log(60, lambda minute, _: 200 if minute == 59 else 10, lambda *_: 10.0)
    assert found(both(dumped, records)) == []


def test_other_currencies_and_huge_amounts(dumped: Dumped) -> None:
    """Revenue is that of the default currency, and of one sale at most 10^10 of it."""
    records = log(100, lambda *_: 10, lambda minute, _: 10.0 + minute % 7)
    last = records[-1]
    foreign, huge = value("books", 9_999_999.0, "USD"), value("books", 9_999_999_999.99, quantity=7)
    more = [
        Record(0, last.offset + 1 + number, last.append_ms, text)
        for number, text in enumerate([*[foreign] * 5, *[huge] * 3])
    ]
    later = (last.append_ms // 60_000 + 1) * 60_000
    closing = Record(0, more[-1].offset + 1, later, value("books", 1.0))
    answers = both(dumped, [*records, *more, closing])
    (revenue,) = (row for key, row in answers.traffic.items() if key[2] == "high_revenue")
    assert revenue.observed == 3 * 10**12 + 100


@pytest.mark.parametrize("seed", range(scaled(2, 8)))
def test_the_oracles_agree_on_noise(dumped: Dumped, seed: int) -> None:
    """With a threshold so low that many minutes are alerts."""
    rng = random.Random(seed)  # noqa: S311 - a simulation
    records = log(
        400,
        lambda minute, _: rng.randint(0, 6) * (1 + 2 * (minute // 60 % 3 == 1)),
        lambda *_: rng.choice([1.0, 10.0, 33.33]),
    )
    low = Detection(6, 1e9, 120, 1e9, ("books", "toys"), 1.5)
    assert len(both(dumped, records, low).traffic) > 5
