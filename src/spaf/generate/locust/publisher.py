"""Sends the sales of one run to Kafka and counts the outcome of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from confluent_kafka import KafkaError, KafkaException

from spaf import clock
from spaf.generate.locust.histogram import Histogram
from spaf.generate.shop.stream import product_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import Message

    from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
    from spaf.generate.shop.stream import SaleStream


class Sender(Protocol):
    """The part of a Kafka producer that is used here."""

    def produce_batch(
        self,
        topic: str,
        messages: list[dict[str, Any]],
        *,
        on_delivery: Callable[[KafkaError | None, Message], None],
    ) -> int:
        """Queue records; one that is refused gets the reason as its `_error`."""


class _DueSale(NamedTuple):
    """A sale that is to be queued, as librdkafka wants it, and its label."""

    message: dict[str, Any]
    label: Label | EpisodeLabel | None
    intended_us: int
    sent_us: int


class DeliveryStats:
    """Delivery reports since the last call: acknowledged sales, and failures by reason."""

    def __init__(self) -> None:
        """Start at zero."""
        self.latencies_ms: list[float] = []
        self.bytes = 0
        self.failures: Counter[str] = Counter()


class Publisher:
    """Sends sales and counts them; each ends as acknowledged or failed."""

    def __init__(
        self,
        sender: Sender,
        topic: str,
        stream: SaleStream,
        on_label: Callable[[Label | EpisodeLabel], None],
        *,
        keyed: bool = False,
    ) -> None:
        """Start all counts at zero.

        With `keyed` the product is the key of a sale: a topic of several partitions keeps the sales
        of one product in one of them, in order.
        """
        self.delays = Histogram()
        self.slots = self.sent = self.acked = self.failed = 0
        self._refused = 0
        self.first_intended_us: int | None = None
        self.last_intended_us: int | None = None
        self.last_sent_us: int | None = None
        self._sender = sender
        self._topic = topic
        self._stream = stream
        self._on_label = on_label
        self._keyed = keyed
        self._stats = DeliveryStats()

    @property
    def intended(self) -> int:
        """Sales that came due: sent, or refused by the producer and counted as failed."""
        return self.sent + self._refused

    @property
    def pending(self) -> int:
        """Sales without a delivery report yet."""
        return self.intended - self.acked - self.failed

    def send(self, due: Iterable[int]) -> None:
        """Send the sales of the slots that are due: of each one, during an episode none or several.

        They are queued at once: one by one, each would wake the producer's thread, which would send
        a request for each, and a request costs the broker much more than a sale.
        """
        sales: list[_DueSale] = []
        for intended_us in due:
            self.slots += 1
            sent_us = clock.now_us()
            for value, label in self._stream.sales(intended_us, sent_us):
                if value:
                    message: dict[str, Any] = {"value": value}
                    if self._keyed:
                        message["key"] = product_of(value)
                    sales.append(_DueSale(message, label, intended_us, sent_us))
                elif label is not None:
                    self._on_label(label)
        if sales:
            self._queue(sales)

    def _queue(self, sales: list[_DueSale]) -> None:
        """Queue sales; one that the producer refuses counts as a failure."""
        messages = [sale.message for sale in sales]
        try:
            self._sender.produce_batch(self._topic, messages, on_delivery=self._on_delivery)
        except (BufferError, KafkaException) as refusal:
            for message in messages:
                message["_error"] = refusal
        for message, label, intended_us, sent_us in sales:
            if "_error" in message:
                self._refused += 1
                self._fail(_reason(message["_error"]))
                continue
            self.sent += 1
            self.delays.add(sent_us - intended_us)
            if label is not None:
                self._on_label(label)
        if self.first_intended_us is None:
            self.first_intended_us = sales[0].intended_us
        self.last_intended_us = sales[-1].intended_us
        self.last_sent_us = sales[-1].sent_us

    def pop_stats(self) -> DeliveryStats:
        """Return the delivery reports since the last call."""
        stats, self._stats = self._stats, DeliveryStats()
        return stats

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._fail(error.str())
            return
        self.acked += 1
        # librdkafka's time from send to acknowledgement, not affected by the interval of polls.
        self._stats.latencies_ms.append(cast("float", message.latency()) * 1_000)
        self._stats.bytes += len(message)

    def _fail(self, reason: str) -> None:
        self.failed += 1
        self._stats.failures[reason] += 1


def _reason(refusal: KafkaError | BaseException) -> str:
    return refusal.str() if isinstance(refusal, KafkaError) else str(refusal)
