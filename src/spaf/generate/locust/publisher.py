"""Sends the sales of one run to Kafka and counts the outcome of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, cast

from confluent_kafka import KafkaException

from spaf import clock
from spaf.generate.locust.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message

    from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
    from spaf.generate.shop.stream import SaleStream


class Sender(Protocol):
    """The part of a Kafka producer that is used here."""

    def produce(
        self, topic: str, value: bytes, *, on_delivery: Callable[[KafkaError | None, Message], None]
    ) -> None:
        """Queue one record."""


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
    ) -> None:
        """Start all counts at zero."""
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
        self._stats = DeliveryStats()

    @property
    def intended(self) -> int:
        """Sales that came due: sent, or refused by the producer and counted as failed."""
        return self.sent + self._refused

    @property
    def pending(self) -> int:
        """Sales without a delivery report yet."""
        return self.intended - self.acked - self.failed

    def send(self, intended_us: int) -> None:
        """Send the sales of the slot at `intended_us`: one, during an episode none or several."""
        self.slots += 1
        sent_us = clock.now_us()
        for value, label in self._stream.sales(intended_us, sent_us):
            if value:
                self._send(value, label, intended_us, sent_us)
            elif label is not None:
                self._on_label(label)

    def _send(
        self, value: bytes, label: Label | EpisodeLabel | None, intended_us: int, sent_us: int
    ) -> None:
        """Send one sale; a full queue counts as a failure."""
        try:
            self._sender.produce(self._topic, value, on_delivery=self._on_delivery)
        except (BufferError, KafkaException) as refusal:
            self._refused += 1
            self._fail(str(refusal))
        else:
            self.sent += 1
            self.delays.add(sent_us - intended_us)
            if label is not None:
                self._on_label(label)
        if self.first_intended_us is None:
            self.first_intended_us = intended_us
        self.last_intended_us = intended_us
        self.last_sent_us = sent_us

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
