"""Alerts worked out by hand, and a slow reference that follows the text of the rules literally."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaf.sale import Sale
from spaf.verify import Detection
from spaf.verify.answers import SaleOutlier, TrafficAnomaly
from spaf.verify.compare import same_outlier, same_traffic
from spaf.verify.outliers import Outliers
from spaf.verify.traffic import TrafficBaseline
from tests.support.scale import scaled

DETECTION = Detection(6, 5.0, 120, 4.5, ("a", "b"))
NARROW = Detection(1, 2.0, 12, 2.0, ("a", "b"))
# Millisecond of its second in which the last sale of a category is.
LAST_MS = 700
Bought = tuple[int, int]


def sale(unit_cents: int, quantity: int = 1, product: str = "p") -> Sale:
    """Return a sale."""
    return Sale("books", "BRL", unit_cents, quantity, 0, "tx", product, None, None)


def judged(sales: Sequence[Bought], detection: Detection = DETECTION) -> Outliers:
    """Judge the sales of one product, all of one second."""
    outliers = Outliers(detection)
    for offset, one in enumerate(sales):
        outliers.add(0, offset, 0, sale(*one))
    outliers.score()
    return outliers


def slowly(
    sales: Sequence[Bought], detection: Detection
) -> dict[tuple[int, int, str], SaleOutlier]:
    """Return the outliers by the letter of the rule, every frame summed anew."""
    found = {}
    for at, (cents, quantity) in enumerate(sales):
        frame = sales[: at + 1]
        ps = [math.floor(math.log(c + 1) * 1e3 + 0.5) for c, _ in frame]
        qs = [math.floor(math.log(q) * 1e3 + 0.5) for _, q in frame]
        n, sp, sp2, sq, p, q = len(frame), sum(ps), sum(v * v for v in ps), sum(qs), ps[-1], qs[-1]
        if n <= 5:
            continue
        mean, mean_q = (sp - p) / (n - 1), (sq - q) / (n - 1)
        variance = ((sp2 - p * p) - (sp - p) * mean) / (n - 2)
        spread = min(max(math.sqrt(max(variance, 0)), 100), 350)
        price, pieces = (p - mean) / spread, (q - mean_q) / 500
        if abs(price) > detection.outlier_score:
            kind, expected = "high_price" if price > 0 else "low_price", math.exp(mean / 1e3) - 1
            row = SaleOutlier("tx", "books", cents * quantity, expected * quantity, price)
        elif pieces > detection.outlier_score:
            kind, expected = "bulk_quantity", cents * math.exp(mean_q / 1e3)
            row = SaleOutlier("tx", "books", cents * quantity, expected, pieces)
        else:
            continue
        found[0, at, kind] = row
    return found


def slow_traffic(
    counts: Sequence[int], detection: Detection
) -> dict[int, tuple[str, TrafficAnomaly]]:
    """Return the reported seconds of one category by the letter of the rule."""
    third = detection.surge_seconds // 3
    least = min(30, third)
    bases: list[float | None] = []
    variations: list[float | None] = []
    found, alerts = {}, []
    for at in range(len(counts)):
        past = counts[max(0, at - 15 - third) : max(0, at - 15)]
        m = len(past)
        alerts.append(False)
        if m < least:
            bases.append(None)
            variations.append(None)
            continue
        sales, squares = sum(past), sum(c * c for c in past)
        excess = (squares - float(sales) * sales / m) / (m - 1) / max(sales / m, 1)
        bases.append((sales + 0.5) / m)
        variations.append(min(max(excess, 1), 4))
        places = [at, *(back for back in (at - third, at - 2 * third) if back >= 0)]
        known = [base for place in places if (base := bases[place]) is not None]
        varied = min(value for place in places if (value := variations[place]) is not None)
        scores = []
        sold = [end for end in range(at + 1) if counts[end]]
        silence = at + 1 - (sold[-1] + LAST_MS / 1_000) if sold else 0
        if (1_000 - LAST_MS) * sales > 2_000 * m:
            silence = 0
        spans = [(k, sum(counts[at - k + 1 : at + 1]), 1.0) for k in (1, 2, 4, 8, 16)]
        for k, c, weight in (*spans, (silence, 0, 0.95)):
            expected = max(min(max(c, k * min(known)), k * max(known)), 1e-9)
            nearer = max(c - 0.5, expected) if c > expected else min(c + 0.5, expected)
            root = math.sqrt(2 * max(nearer * math.log(nearer / expected) - nearer + expected, 0))
            sign = (c > expected) - (c < expected)
            scores.append(
                TrafficAnomaly(c, expected, weight * sign * root / math.sqrt(varied * (1 + k / m)))
            )
        best = max(scores, key=lambda one: abs(one.score))
        alerts[-1] = abs(best.score) > detection.surge_score
        if alerts[-1] and not any(alerts[max(0, at - 10) : at]):
            found[at] = ("surge" if best.score > 0 else "drought", best)
    return found


def scored(
    counts: Mapping[int, Mapping[str, int]], closed: int, detection: Detection = DETECTION
) -> TrafficBaseline:
    """Judge seconds, in each of which the last sale of a category is at the same millisecond."""
    traffic = TrafficBaseline(detection)
    last_sales = {
        second: {category: LAST_MS for category, sales in row.items() if sales}
        for second, row in counts.items()
    }
    traffic.score(counts, last_sales, closed)
    return traffic


def swings(counts: Sequence[int], detection: Detection) -> dict[int, tuple[str, TrafficAnomaly]]:
    """Judge the seconds of category a, all of which are closed."""
    # Another category keeps the seconds in which this one is silent.
    traffic = scored({at: {"a": c, "b": 5} for at, c in enumerate(counts)}, len(counts), detection)
    return {key[0]: (key[2], row) for key, row in traffic.alerts.items() if key[1] == "a"}


def test_a_tenfold_price_is_high_and_a_tenth_is_low() -> None:
    """Two typos, and what was usual; the first does not hide the second."""
    usual = [(1_000 + n % 3, 1) for n in range(20)]
    found = judged([*usual, (10_000, 2), (100, 1)]).alerts
    assert list(found) == [(0, 20, "high_price"), (0, 21, "low_price")]
    high = found[0, 20, "high_price"]
    assert (high.cents, high.category, high.transaction_id) == (20_000, "books", "tx")
    assert high.expected == pytest.approx(2_002, abs=2)
    assert high.score == pytest.approx((math.log(10_001) - math.log(1_002)) / 0.10, rel=1e-2)


def test_many_pieces_are_a_bulk_quantity() -> None:
    """The quantity counts only if the price is usual; few pieces are never unusual."""
    usual = [(1_000, 1)] * 20
    assert list(judged([*usual, (1_000, 12)]).alerts) == []
    found = judged([*usual, (1_000, 13)]).alerts
    assert list(found) == [(0, 20, "bulk_quantity")]
    assert found[0, 20, "bulk_quantity"].expected == 1_000
    assert list(judged([*usual, (10_000, 13)]).alerts) == [(0, 20, "high_price")]
    assert judged([(1_000, 100)] * 20 + [(1_000, 1)]).alerts == {}


def test_a_sale_needs_five_before_it() -> None:
    """With four it is not judged."""
    assert judged([(1_000, 1)] * 4 + [(100_000, 1)]).alerts == {}
    assert len(judged([(1_000, 1)] * 5 + [(100_000, 1)]).alerts) == 1


def test_products_partitions_and_blocks_have_lanes_of_their_own() -> None:
    """An expensive product is not compared with a cheap one, nor with sales six hours before."""
    outliers = Outliers(DETECTION)
    for offset in range(100):
        cheap = offset % 2 == 0
        outliers.add(0, offset, 0, sale(100 if cheap else 90_000, 1, "cheap" if cheap else "dear"))
        outliers.add(1, offset, 0, sale(5_000, 1, "cheap"))
    outliers.add(0, 100, 6 * 3_600, sale(90_000, 1, "cheap"))
    outliers.score()
    assert outliers.alerts == {}
    outliers.add(0, 101, 6 * 3_600 - 1, sale(90_000, 1, "cheap"))
    outliers.score()
    assert list(outliers.alerts) == [(0, 101, "high_price")]


@pytest.mark.parametrize("stretch", [1, 7, 20, 33])
def test_chunks_are_merged(stretch: int) -> None:
    """The alerts do not depend on the chunks of the log."""
    sales = [(1_000 + 37 * (n * n % 11), 1 + n % 3) for n in range(80)]
    sales[41], sales[60], sales[61] = (20_000, 1), (50, 1), (1_000, 400)
    whole = Outliers(DETECTION)
    for first in range(0, 80, stretch):
        part = Outliers(DETECTION)
        for offset in range(first, min(80, first + stretch)):
            part.add(0, offset, 0, sale(*sales[offset]))
        whole.merge(part)
    assert whole.alerts == judged(sales).alerts
    assert len(whole.alerts) == 3


def test_a_score_at_the_threshold_is_borderline() -> None:
    """Rounding may decide it, so neither side is wrong."""
    sales = [(1_000, 1)] * 20 + [(2_500, 1)]
    ((_, row),) = judged(sales).alerts.items()
    at_it = Detection(6, row.score, 120, 4.5, ())
    assert judged(sales, at_it).borderline == {(0, 20)}
    assert judged(sales).borderline == set()
    bulk = [(1_000, 1)] * 20 + [(1_000, 50)]
    ((_, row),) = judged(bulk).alerts.items()
    at_it = Detection(6, row.score, 120, 4.5, ())
    assert judged(bulk, at_it).borderline == {(0, 20)}


prices = st.integers(0, 10**12 - 1) | st.sampled_from([99, 100, 101, 1_000, 9_990, 99_900])
bought = st.tuples(prices, st.integers(1, 3) | st.integers(1, 1_000_000))


@given(st.lists(bought, max_size=60), st.sampled_from([DETECTION, NARROW]))
def test_outliers_are_those_of_the_letter_of_the_rule(
    sales: list[Bought], detection: Detection
) -> None:
    """Running sums and the quick first look change nothing."""
    outliers = judged(sales, detection)
    expected = slowly(sales, detection)
    sure = {key for key in {*expected, *outliers.alerts} if key[:2] not in outliers.borderline}
    assert all(key in expected and key in outliers.alerts for key in sure)
    assert all(same_outlier(expected[key], outliers.alerts[key]) for key in sure)


def test_a_surge_is_reported_once() -> None:
    """And the quiet after it is no drought."""
    counts = [10] * 60 + [60] * 3 + [10] * 60
    found = swings(counts, DETECTION)
    assert {at: kind for at, (kind, _) in found.items()} == {60: "surge"}
    assert found[60][1].observed == 60
    assert found[60][1].expected == (40 * 10 + 0.5) / 40


def test_a_rare_category_that_stops_is_a_drought() -> None:
    """A silent second says nothing, several do: as many as let expect 16 sales."""
    counts = [4] * 60 + [0] * 16 + [4] * 20
    ((at, (kind, swing)),) = swings(counts, DETECTION).items()
    assert kind == "drought"
    assert at == 63
    assert swing.observed == 0
    assert swing.expected == (40 * 4 + 0.5) / 40 * 4


def test_the_silence_begins_before_the_first_empty_second() -> None:
    """A category whose last sale was early in its second is found one second sooner."""
    counts = {at: {"a": 0 if 60 <= at < 70 else 4, "b": 5} for at in range(70)}
    found = []
    for last_ms in (100, 999):
        traffic = TrafficBaseline(DETECTION)
        last_sales = {
            at: {category: 900 for category, sales in row.items() if sales}
            for at, row in counts.items()
        }
        last_sales[59]["a"] = last_ms
        traffic.score(counts, last_sales, 70)
        found.append(min(traffic.alerts))
    assert found == [(62, "a", "drought"), (63, "a", "drought")]


def test_sales_in_bunches_have_no_silence() -> None:
    """Thirty sales at the beginning of each second are followed by most of a second without one."""
    assert swings([30] * 80, DETECTION) == {}
    counts = {at: {"a": 30, "b": 5} for at in range(80)}
    bunches = {at: {"a": 20, "b": 900} for at in counts}
    traffic = TrafficBaseline(DETECTION)
    traffic.score(counts, bunches, 80)
    assert traffic.alerts == {}


def test_the_newest_second_is_not_judged() -> None:
    """It is not closed, and more may come."""
    counts = {at: {"a": 100 if at == 50 else 10} for at in range(51)}
    assert scored(counts, 50).alerts == {}
    assert list(scored(counts, 51).alerts) == [(50, "a", "surge")]


def test_other_categories_count_together() -> None:
    """What is not in the catalogue has a row of its own."""
    counts = {at: {"x": 5, "y": 100 if at == 50 else 5, "a": 9} for at in range(52)}
    assert list(scored(counts, 52).alerts) == [(50, "(other)", "surge")]


@settings(max_examples=scaled(60, 600))
@given(
    st.lists(st.integers(0, 12) | st.sampled_from([0, 0, 40, 400]), max_size=120),
    st.sampled_from([DETECTION, NARROW]),
)
def test_swings_are_those_of_the_letter_of_the_rule(
    counts: list[int], detection: Detection
) -> None:
    """Sums of prefixes change nothing."""
    found, expected = swings(counts, detection), slow_traffic(counts, detection)
    assert {at: kind for at, (kind, _) in found.items()} == {
        at: kind for at, (kind, _) in expected.items()
    }
    assert all(same_traffic(expected[at][1], found[at][1]) for at in expected)


def test_a_borderline_alert_makes_those_that_it_may_silence_borderline() -> None:
    """Whether the second is reported decides whether those after it are."""
    counts = {at: {"a": 60 if at in (60, 65) else 10} for at in range(70)}
    ((_, swing),) = scored(counts, 70).alerts.items()
    edge = scored(counts, 70, Detection(6, 5.0, 120, swing.score, ("a",)))
    assert (60, "a") in edge.borderline
