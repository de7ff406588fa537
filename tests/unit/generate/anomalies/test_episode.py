"""Episodes: the rate of one category really changes, that of no other, and the label says so."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from spaf.generate.anomalies.anomaly import (
    BURST,
    DROUGHT,
    SHIFT,
    SURGE,
    EpisodeLabel,
    Label,
    read_labels,
)
from spaf.generate.anomalies.episode import EPISODE_KINDS, QUIET_S, REST_S, Episode, Episodes, plan
from spaf.generate.anomalies.episode_effects import EpisodeEffects
from spaf.generate.locust.publisher import Publisher
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import CATEGORIES
from spaf.generate.shop.stream import SaleStream

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = catalogue.build(3)
START = 1_795_000_000_000_000
SECOND = 1_000_000
RATE = 200
# The rarest category of the shop sells a twentieth, the most frequent a quarter.
COUNT = len(CATEGORIES)
RAREST = COUNT - 1


def stream(every_s: float, seed: int = 3) -> SaleStream:
    """Return a stream of the shop."""
    return SaleStream(SHOP, seed=seed, run_id="r", currencies=("BRL",), episode_every_s=every_s)


def slots(seconds: int) -> Iterator[int]:
    """Yield the due times of a schedule."""
    return iter(range(START, START + seconds * SECOND, SECOND // RATE))


def with_one(episode: Episode) -> SaleStream:
    """Return a stream with this episode and no other."""
    made = stream(0)
    made._episodes._next = episode
    return made


def sold(source: SaleStream, seconds: int) -> list[dict[str, Any]]:
    """Return all sales of this many seconds."""
    return [
        msgspec.json.decode(value)
        for due in slots(seconds)
        for value, _ in source.sales(due, due)
        if value
    ]


def test_plan_is_a_function_of_the_seed() -> None:
    """The same episodes for the same seed; the mean distance is what was asked for, nearly."""
    assert list(islice(plan(1, 60, COUNT), 20)) == list(islice(plan(1, 60, COUNT), 20))
    assert list(islice(plan(1, 60, COUNT), 20)) != list(islice(plan(2, 60, COUNT), 20))
    first, *_, last = islice(plan(1, 300, COUNT), 300)
    assert (last.start_us - first.start_us) / 299 / SECOND == pytest.approx(300, rel=0.2)


def test_two_of_a_category_never_meet() -> None:
    """Each category rests behind an episode, the stream is quiet at first, each kind occurs."""
    ends = [QUIET_S * SECOND - REST_S * SECOND] * len(CATEGORIES)
    kinds = set()
    for episode in islice(plan(5, 10, COUNT), 500):
        assert episode.start_us >= ends[episode.category] + (REST_S - 0.001) * SECOND
        assert episode.end_us > episode.start_us
        ends[episode.category] = episode.end_us
        kinds.add(episode.kind)
    assert kinds == set(EPISODE_KINDS)


@pytest.mark.parametrize(
    ("kind", "factor"), [(SURGE, 4.0), (DROUGHT, 0.0), (SHIFT, 2.0), (SHIFT, 0.4)]
)
@pytest.mark.parametrize("category", [0, RAREST])
def test_rate_of_the_category_is_multiplied(kind: str, factor: float, category: int) -> None:
    """The category sells `factor` times as often, every other sale is as without."""
    seconds = 120
    plain = sold(stream(0), seconds)
    changed = sold(with_one(Episode(kind, category, 0, seconds * SECOND, factor)), seconds)
    name = CATEGORIES[category]
    mine = [sale for sale in plain if sale["productCategory"] == name]
    now = [sale for sale in changed if sale["productCategory"] == name]
    spread = 3 * (len(mine) * max(factor, 1)) ** 0.5
    assert len(now) == pytest.approx(len(mine) * factor, abs=spread if factor else 0)
    assert [sale for sale in changed if sale["productCategory"] != name] == [
        sale for sale in plain if sale["productCategory"] != name
    ]
    assert len({sale["transactionId"] for sale in changed}) == len(changed)


def test_what_a_surge_adds_looks_like_the_category() -> None:
    """Its products sell in their usual proportions, stamped like the slot that they came with."""
    changed = sold(with_one(Episode(SURGE, 0, 0, 300 * SECOND, 5.0)), 300)
    extra = [sale for sale in changed if sale["transactionId"].count("-") > 2]
    first, second = (Counter(s["productId"] for s in extra)[f"prod_{n}"] for n in (1, 2))
    assert first / second == pytest.approx(2**0.8, rel=0.15)
    dues = set(slots(300))
    assert all(sale["intendedAt"] in dues for sale in extra)


def test_episode_ends() -> None:
    """Behind its end the category sells as before."""
    episode = Episode(DROUGHT, 0, 10 * SECOND, 20 * SECOND, 0.0)
    seconds = Counter(
        (sale["intendedAt"] - START) // SECOND
        for sale in sold(with_one(episode), 30)
        if sale["productCategory"] == CATEGORIES[0]
    )
    assert sorted(seconds) == [*range(10), *range(20, 30)]


def test_burst() -> None:
    """One customer buys one product exactly so often within two seconds."""
    episode = Episode(BURST, 4, 5 * SECOND, 7 * SECOND, 37.0)
    extra = [s for s in sold(with_one(episode), 20) if s["transactionId"].count("-") > 2]
    assert len(extra) == 37
    assert len({(sale["customerId"], sale["productId"]) for sale in extra}) == 1
    assert {sale["productCategory"] for sale in extra} == {CATEGORIES[4]}
    moments = [sale["intendedAt"] - START for sale in extra]
    assert 5 * SECOND <= min(moments) <= max(moments) <= 7 * SECOND


def test_same_seed_same_stream() -> None:
    """Episodes are part of what the seed decides."""
    assert sold(stream(5), 120) == sold(stream(5), 120)


def test_labels_say_when() -> None:
    """The label comes with the first slot of the episode, in milliseconds of the wall clock."""
    source = with_one(Episode(SURGE, 2, 3 * SECOND, 9 * SECOND, 3.5))
    labels = [
        (due, label)
        for due in slots(12)
        for value, label in source.sales(due, due)
        if not value and label is not None
    ]
    expected = EpisodeLabel(
        SURGE, CATEGORIES[2], START // 1_000 + 3_000, START // 1_000 + 9_000, 3.5
    )
    assert labels == [(START + 3 * SECOND, expected)]


def test_an_episode_that_no_sale_has_seen_is_not_labelled() -> None:
    """When sales pause for longer than an episode lasts, it did not happen."""
    episodes = Episodes(1, 0, CATEGORIES)
    episodes._next = Episode(BURST, 0, SECOND, 3 * SECOND, 20.0)
    assert episodes.advance(START) == []
    assert episodes.advance(START + 60 * SECOND) == []
    assert episodes.active == []


def test_burst_at_a_low_rate_still_adds_up() -> None:
    """A single slot late in the burst brings all that came due before."""
    burst = Episode(BURST, 0, 0, 2 * SECOND, 25.0)
    assert len(EpisodeEffects(SHOP, 1).apply(0, [burst], 2 * SECOND)[1]) == 25


class Sink:
    """A producer that takes everything."""

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], *, on_delivery: Any) -> int:
        """Refuse what is no sale."""
        assert topic
        for message in messages:
            assert message["value"]
            on_delivery(None, self)
        return len(messages)

    def latency(self) -> float:
        """Return seconds to the acknowledgement."""
        return 0.001

    def __len__(self) -> int:
        """Return the length of a value."""
        return 300


def test_accounts() -> None:
    """Intended is what was due: nothing of a drought, all of a surge; labels are no sales."""
    labels: list[object] = []
    publisher = Publisher(Sink(), "t", stream(2), labels.append)
    publisher.send(slots(200))
    count = len(sold(stream(2), 200))
    assert count != 200 * RATE
    assert publisher.intended == publisher.sent == publisher.acked == count
    assert publisher.pending == publisher.failed == 0
    assert labels


def test_labels_are_read_back(tmp_path: Path) -> None:
    """The file of a run holds both kinds of label, a line each."""
    one, two = Label("t", "price_x10", "books", 10.0), EpisodeLabel(SURGE, "toys", 1, 2, 3.0)
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, (one, two))))
    assert read_labels(file) == ([one], [two])
