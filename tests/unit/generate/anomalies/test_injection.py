"""Anomalies on demand: labelled, and the rest of the stream stays as it was planned."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import msgspec
import pytest

from spaf.errors import LoadError
from spaf.generate.anomalies.anomaly import (
    BURST,
    DROUGHT,
    KINDS,
    SURGE,
    EpisodeLabel,
    Label,
)
from spaf.generate.anomalies.injection import MAX_WAITING
from spaf.generate.locust.protocol import INJECTABLE_EPISODES, INJECTABLE_KINDS
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import CATEGORIES
from spaf.generate.shop.stream import SaleStream

SHOP = catalogue.build(3)
START = 1_795_000_000_000_000
SECOND = 1_000_000
STEP = SECOND // 200
Sold = list[tuple[int, dict[str, Any], Label | None]]


def stream(**options: float) -> SaleStream:
    """Return a stream of the shop."""
    return SaleStream(SHOP, seed=3, run_id="r", currencies=("BRL",), **options)


def run(source: SaleStream, begin: int, end: int) -> tuple[Sold, list[EpisodeLabel]]:
    """Return sales (intended µs, sale, label) and episodes of the seconds from `begin` to `end`."""
    sold: Sold = []
    episodes: list[EpisodeLabel] = []
    for due in range(START + begin * SECOND, START + end * SECOND, STEP):
        for value, label in source.sales(due, due):
            if isinstance(label, EpisodeLabel):
                assert value == b""
                episodes.append(label)
            else:
                sold.append((due, msgspec.json.decode(value), label))
    return sold, episodes


@cache
def clean_sales() -> Sold:
    """Return the sales of 100 s, after 200 s, of a stream in which nothing was injected."""
    clean = stream()
    run(clean, 0, 200)
    return run(clean, 200, 300)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_next_sale_is_of_the_kind(kind: str) -> None:
    """The very next sale is anomalous, labelled with its factor, and none after it."""
    clean, wished = stream(), stream()
    run(clean, 0, 1), run(wished, 0, 1)
    granted = wished.inject(kind, None, START + SECOND)
    assert (granted.success, granted.kind, granted.seconds) == (True, kind, None)
    expected, (sold, episodes) = run(clean, 1, 3)[0], run(wished, 1, 3)
    assert not episodes
    (_, sale, label), (_, plain, _) = sold[0], expected[0]
    assert label is not None
    assert (label.kind, label.transaction_id) == (kind, sale["transactionId"])
    assert label.category == sale["productCategory"]
    assert sale["totalAmount"] == pytest.approx(
        plain["totalAmount"] * label.factor, abs=0.01 * sale["productQuantity"]
    )
    if kind == "bulk_quantity":
        assert 50 <= sale["productQuantity"] <= 200
    assert sold[1:] == expected[1:], "more than the one sale has changed"


def test_a_category_waits_for_its_sale() -> None:
    """With a category the wish comes true at its next sale, and others are left alone."""
    source = stream()
    run(source, 0, 1)
    rarest = CATEGORIES[-1]
    source.inject("price_x100", rarest, START + SECOND)
    sold, _ = run(source, 1, 5)
    labelled = [(sale["productCategory"], label) for _, sale, label in sold if label]
    assert [category for category, _ in labelled] == [rarest]
    first = next(sale for _, sale, _ in sold if sale["productCategory"] == rarest)
    assert labelled[0][1].transaction_id == first["transactionId"]


@pytest.mark.parametrize("kind", INJECTABLE_EPISODES)
def test_an_episode_begins_now_and_is_labelled(kind: str) -> None:
    """It begins with the next sale, does what it says to its category, and ends as it says."""
    wished, expected = stream(), clean_sales()
    run(wished, 0, 200)
    granted = wished.inject(kind, "toys", START + 200 * SECOND)
    sold, (label,) = run(wished, 200, 300)
    assert (label.kind, label.category, label.start_ms) == (kind, "toys", START // 1_000 + 200_000)
    assert granted.note == ""
    assert granted.seconds == round((label.end_ms - label.start_ms) / 1_000, 1)

    def of(sales: Sold, *, during: bool) -> Counter[str]:
        return Counter(
            sale["productCategory"]
            for due, sale, _ in sales
            if (label.start_ms * 1_000 <= due < label.end_ms * 1_000) is during
        )

    assert of(sold, during=False) == of(expected, during=False)
    before, after = of(expected, during=True), of(sold, during=True)
    assert before - Counter(toys=before["toys"]) == after - Counter(toys=after["toys"])
    if kind == DROUGHT:
        assert after["toys"] == 0
    elif kind == BURST:
        assert after["toys"] - before["toys"] == label.factor
    else:
        assert after["toys"] > 2 * before["toys"]


def test_the_plan_stays() -> None:
    """Planned anomalies and episodes are those of the stream without wishes, byte for byte."""
    plain, wished = (
        stream(anomaly_rate=0.01, episode_every_s=20),
        stream(anomaly_rate=0.01, episode_every_s=20),
    )
    expected, planned = run(plain, 0, 400)
    sold, labels = run(wished, 0, 200)
    run_id = {sale["transactionId"]: sale for _, sale, _ in expected}
    busy = {label.category for label in planned if label.end_ms > START // 1_000 + 190_000}
    idle = next(category for category in CATEGORIES if category not in busy)
    wished.inject(SURGE, idle, START + 200 * SECOND)
    more, more_labels = run(wished, 200, 400)
    ours = [label for label in more_labels if label not in planned]
    assert [(label.kind, label.category) for label in ours] == [(SURGE, idle)]
    assert [label for label in labels + more_labels if label not in ours] == planned
    both = {sale["transactionId"]: sale for _, sale, _ in sold + more}
    assert both.items() >= run_id.items(), "a planned sale is missing or has changed"
    assert {sale["productCategory"] for name, sale in both.items() if name not in run_id} == {idle}


def test_same_wishes_same_stream() -> None:
    """What is asked for at the same moments is sold alike."""
    outcomes = []
    for _ in range(2):
        source = stream()
        run(source, 0, 100)
        for kind in INJECTABLE_KINDS:
            source.inject(kind, None, START + 100 * SECOND)
        outcomes.append(run(source, 100, 150))
    assert outcomes[0] == outcomes[1]


def test_two_episodes_of_a_category_never_meet() -> None:
    """A second one is refused with when it may be tried again; without a name another is found."""
    source = stream()
    run(source, 0, 100)
    now = START + 100 * SECOND
    first = source.inject(SURGE, None, now)
    with pytest.raises(LoadError, match=rf"{first.category} has an episode already; it ends in"):
        source.inject(DROUGHT, first.category, now)
    second = source.inject(SURGE, None, now)
    assert second.category != first.category
    run(source, 100, 150)
    again = source.inject(SURGE, first.category, START + 150 * SECOND)
    assert "may not stand out" in again.note


def test_an_early_episode_says_that_it_may_not_be_noticed() -> None:
    """In the first minute there is nothing to compare with; also before the first sale."""
    source = stream()
    assert "first minute" in source.inject(SURGE, None, START).note
    _, episodes = run(source, 0, 1)
    assert len(episodes) == 1
    run(source, 1, 60)
    source.inject(SURGE, episodes[0].category, START + 60 * SECOND)


def test_a_burst_goes_where_it_is_seen() -> None:
    """Without a name a burst takes a rare category, a surge a frequent one."""
    source = stream()
    run(source, 0, 1)
    now = START + SECOND
    assert source.inject(BURST, None, now).category == CATEGORIES[-1]
    assert source.inject(SURGE, None, now).category == CATEGORIES[0]


def test_what_cannot_be_done_is_refused() -> None:
    """An unknown category, and more wishes than sales for them."""
    source = stream()
    with pytest.raises(LoadError, match="no category 'nothing'"):
        source.inject("price_x10", "nothing", START)
    for _ in range(MAX_WAITING):
        source.inject("price_x10", None, START)
    with pytest.raises(LoadError, match="Too many anomalies wait"):
        source.inject("price_x10", None, START)
