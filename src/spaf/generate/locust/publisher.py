"""Sending the sales of one run, and counting what became of each."""

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
    """The one call of a Kafka producer that sending needs."""

    def produce(
        self, topic: str, value: bytes, *, on_delivery: Callable[[KafkaError | None, Message], None]
    ) -> None:
        """Queue one record."""


class DeliveryStats:
    """What was reported since the last look: acknowledged sales, and failures by reason."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.latencies_ms: list[float] = []
        self.bytes = 0
        self.failures: Counter[str] = Counter()


class Publisher:
    """Sends sales and keeps the run's counts; each sale ends as acknowledged or as failed."""

    def __init__(
        self,
        sender: Sender,
        topic: str,
        stream: SaleStream,
        on_label: Callable[[Label | EpisodeLabel], None],
    ) -> None:
        """Begin a run that has sent nothing."""
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
        self._news = DeliveryStats()

    @property
    def intended(self) -> int:
        """Sales that came due: sent, or refused at the door and counted as failed."""
        return self.sent + self._refused

    @property
    def pending(self) -> int:
        """Sales whose fate is not known yet."""
        return self.intended - self.acked - self.failed

    def send(self, intended_us: int) -> None:
        """Send what is due at `intended_us`: a sale, but for the time of an episode."""
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

    def take_news(self) -> DeliveryStats:
        """Return what was reported since the last call."""
        news, self._news = self._news, DeliveryStats()
        return news

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._fail(error.str())
            return
        self.acked += 1
        # The client's own time from send to acknowledgement, whenever we come to look at it.
        self._news.latencies_ms.append(cast("float", message.latency()) * 1_000)
        self._news.bytes += len(message)

    def _fail(self, reason: str) -> None:
        self.failed += 1
        self._news.failures[reason] += 1
