"""Sending: each sale ends as acknowledged or as failed, and all are counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from confluent_kafka import KafkaError
from hypothesis import given
from hypothesis import strategies as st
from locust.env import Environment

from spaf.generate.locust import locust_stats
from spaf.generate.locust.histogram import Histogram
from spaf.generate.locust.publisher import Publisher
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream

if TYPE_CHECKING:
    from spaf.generate.anomalies.anomaly import Label

SHOP = catalogue.build(1)
DUE = 1_795_000_000_000_000


class FakeMessage:
    """A delivered record of 300 bytes that took 2.5 ms."""

    def __len__(self) -> int:
        """Return the length of the value."""
        return 300

    def latency(self) -> float:
        """Return seconds from send to acknowledgement."""
        return 0.0025


class FakeError:
    """Kafka's word for what went wrong."""

    def str(self) -> str:
        """Return the reason."""
        return "Local: Message timed out"


class FakeSender:
    """A producer that keeps what it was given, up to the size of its queue."""

    def __init__(self, room: int) -> None:
        """Begin with an empty queue."""
        self.room = room
        self.queue: list[Any] = []

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], *, on_delivery: Any) -> int:
        """Queue each record or refuse it, as librdkafka does."""
        assert topic == "t"
        for message in messages:
            assert message["value"]
            if len(self.queue) == self.room:
                message["_error"] = KafkaError(KafkaError._QUEUE_FULL)
            else:
                self.queue.append(on_delivery)
        return len(messages)

    def answer(self, error: Any = None) -> None:
        """Report the fate of the oldest record."""
        self.queue.pop(0)(error, FakeMessage())


def publisher(sender: FakeSender, labels: list[Any], anomaly_rate: float = 0.0) -> Publisher:
    """Return a publisher of a new run."""
    stream = SaleStream(SHOP, seed=1, run_id="r", currencies=("BRL",), anomaly_rate=anomaly_rate)
    return Publisher(cast("Any", sender), "t", stream, labels.append)


def test_every_sale_ends_once() -> None:
    """Three sales, one refused at the door, one lost on the way: nothing is left open."""
    sender = FakeSender(room=2)
    run = publisher(sender, [])
    run.send(range(DUE, DUE + 3))
    assert (run.intended, run.sent, run.failed, run.pending) == (3, 2, 1, 2)
    sender.answer()
    sender.answer(FakeError())
    assert (run.acked, run.failed, run.pending) == (1, 2, 0)
    assert (run.first_intended_us, run.last_intended_us) == (DUE, DUE + 2)


def test_a_topic_of_several_partitions_has_the_sales_of_a_product_in_one() -> None:
    """The key is the product, whatever sale it is; a single partition needs none."""
    sent: list[dict[str, Any]] = []

    class Keeper(FakeSender):
        def produce_batch(self, topic: str, messages: list[dict[str, Any]], **_: Any) -> int:
            assert topic == "t"
            sent.extend(messages)
            return len(messages)

    stream = SaleStream(SHOP, seed=1, run_id="r", currencies=("BRL",), episode_every_s=1.0)
    run = Publisher(cast("Any", Keeper(9)), "t", stream, lambda _: None, keyed=True)
    run.send(range(DUE, DUE + 20_000_000, 100_000))
    assert len(sent) > 100
    products = [json.loads(message["value"])["productId"].encode() for message in sent]
    assert [message["key"] for message in sent] == products
    run = Publisher(cast("Any", Keeper(9)), "t", stream, lambda _: None)
    sent.clear()
    run.send([DUE])
    assert "key" not in sent[0]


def test_news_are_told_once() -> None:
    """A look takes what was reported since the last one."""
    sender = FakeSender(room=1)
    run = publisher(sender, [])
    run.send([DUE, DUE])
    sender.answer()
    stats = run.pop_stats()
    assert (stats.latencies_ms, stats.bytes) == ([2.5], 300)
    assert stats.failures == {"Local: Queue full": 1}
    assert run.pop_stats().latencies_ms == []


def test_only_sent_sales_have_labels() -> None:
    """A sale that was refused is in no file of labels, for no detector could find it."""
    labels: list[Label] = []
    run = publisher(FakeSender(room=1), labels, anomaly_rate=1.0)
    run.send([DUE, DUE])
    assert [label.transaction_id for label in labels] == ["1-r-0"]


def test_locust_counts_as_if_told_one_by_one() -> None:
    """The handful adds up to what Locust's own counting of each request gives."""
    ours, theirs = Environment(), Environment()
    sender = FakeSender(room=9)
    run = publisher(sender, [])
    for _ in range(9):
        run.send([DUE])
        sender.answer()
        theirs.stats.log_request(locust_stats.REQUEST_TYPE, "t", cast("int", 2.5), 300)
    locust_stats.report(ours, "t", run.pop_stats(), 1_795_000_000.5)
    for entry, expected in (
        (ours.stats.total, theirs.stats.total),
        (ours.stats.get("t", "KAFKA"), theirs.stats.get("t", "KAFKA")),
    ):
        assert entry.num_requests == expected.num_requests == 9
        assert entry.response_times == expected.response_times
        assert entry.avg_response_time == expected.avg_response_time
        assert entry.max_response_time == expected.max_response_time
        assert entry.total_content_length == expected.total_content_length
        assert entry.num_reqs_per_sec == {1_795_000_000: 9}


def test_locust_hears_of_each_failure() -> None:
    """Failures go through Locust's own event, so that every listener sees them."""
    environment = Environment()
    heard: list[dict[str, Any]] = []
    environment.events.request.add_listener(  # type: ignore[no-untyped-call]
        lambda **event: heard.append(event)
    )
    run = publisher(FakeSender(room=0), [])
    run.send([DUE, DUE])
    locust_stats.report(environment, "t", run.pop_stats(), 1_795_000_000.5)
    assert [str(event["exception"]) for event in heard] == ["Local: Queue full"] * 2


@given(st.lists(st.integers(0, 50), min_size=1), st.sampled_from([0.0, 0.5, 0.99, 1.0]))
def test_quantiles_are_exact(values: list[int], share: float) -> None:
    """A quantile is one of the values: the smallest that this share does not exceed."""
    delays = Histogram()
    for value in values:
        delays.add(value)
    found = delays.quantile(share)
    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < max(share * len(values), 1)


def test_no_values_no_quantile() -> None:
    """A run that sent nothing has no delay, rather than a delay of zero."""
    assert Histogram().quantile(0.99) is None
