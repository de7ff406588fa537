"""When a single record was appended to the topic, and the currency of its sale."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from spaf import clock
from spaf.sale import Rules, Sale, decode
from spaf.topic.client import open_consumer

# Loopback answers in a few; an anomaly is shown without its delay rather than later, seconds.
PATIENCE_S = 0.5
# A broker that is away is not asked for each of a hundred anomalies, seconds.
REST_S = 5.0

# One record is needed; the rest of the fetch is discarded.
FETCH_KIB = 4
QUEUE_KIB = 1_024
# Whoever looks at the feed asks for the same ones again.
MOST_KNOWN = 1_000


class AppendedRecord(NamedTuple):
    """What a record tells of a sale; None what it does not."""

    append_ms: int | None
    currency: str | None


UNKNOWN = AppendedRecord(None, None)


class RecordLookup:
    """A consumer that fetches one record at a time; nothing is joined, nothing committed."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules) -> None:
        """Keep where and how to read; the consumer is made at the first question."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._rules = rules
        self._consumer: Consumer | None = None
        self._alone = asyncio.Lock()
        self._not_before = 0.0
        # A record never changes.
        self._known: dict[tuple[int, int], AppendedRecord] = {}

    async def of(self, partition: int, offset: int) -> AppendedRecord:
        """Return what is known of the record at an offset."""
        place = (partition, offset)
        if place not in self._known:
            async with self._alone:
                found = await asyncio.to_thread(self._fetch, partition, offset)
            if found is UNKNOWN:
                return found
            self._known[place] = found
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return self._known[place]

    def close(self) -> None:
        """End the consumer; it takes a moment."""
        if self._consumer is not None:
            self._consumer.close()

    def _fetch(self, partition: int, offset: int) -> AppendedRecord:
        if clock.monotonic() < self._not_before:
            return UNKNOWN
        messages = self._consume(partition, offset)
        if not messages:
            self._not_before = clock.monotonic() + REST_S
            return UNKNOWN
        if messages[0].error() is not None or messages[0].offset() != offset:
            return UNKNOWN
        append_ms = messages[0].timestamp()[1]
        outcome = decode(messages[0].value(), append_ms, self._rules)[0]
        return AppendedRecord(append_ms, outcome.currency if isinstance(outcome, Sale) else None)

    def _consume(self, partition: int, offset: int) -> list[Message]:
        if self._consumer is None:
            self._consumer = open_consumer(
                self._bootstrap, fetch_kib=FETCH_KIB, queue_kib=QUEUE_KIB, queue_records=1
            )
        try:
            self._consumer.assign([TopicPartition(self._topic, partition, offset)])
            messages = self._consumer.consume(1, PATIENCE_S)
            self._consumer.unassign()
        except KafkaException:
            return []
        return list(messages)
