"""Looks up when a record was appended to the topic, and the currency of its sale."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from spaf import clock
from spaf.sale import Rules, Sale, decode
from spaf.topic.client import open_consumer

# Loopback takes milliseconds; an anomaly is shown without its delay rather than later.
TIMEOUT_S = 0.5
# A broker that is unreachable is not tried for each of a hundred anomalies.
RETRY_S = 5.0
# Every viewer of the feed requests the same records.
MAX_CACHED = 1_000
# One record is needed; the rest of the fetch is discarded.
FETCH_KIB = 4
QUEUE_KIB = 1_024


class AppendedRecord(NamedTuple):
    """Append time and currency of a sale's record; None where unknown."""

    append_ms: int | None
    currency: str | None


UNKNOWN = AppendedRecord(None, None)


class RecordLookup:
    """A consumer that fetches one record at a time; it joins no group and commits nothing."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules) -> None:
        """Keep where and how to read; the first lookup connects."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._rules = rules
        self._consumer: Consumer | None = None
        self._lock = asyncio.Lock()
        self._retry_at = 0.0
        # A record never changes.
        self._cached: dict[tuple[int, int], AppendedRecord] = {}

    async def of(self, partition: int, offset: int) -> AppendedRecord:
        """Return what is known of the record at an offset."""
        place = (partition, offset)
        if place not in self._cached:
            async with self._lock:
                record = await asyncio.to_thread(self._fetch, partition, offset)
            if record is UNKNOWN:
                return record
            self._cached[place] = record
            while len(self._cached) > MAX_CACHED:
                del self._cached[next(iter(self._cached))]
        return self._cached[place]

    def close(self) -> None:
        """Close the consumer; it takes a moment."""
        if self._consumer is not None:
            self._consumer.close()

    def _fetch(self, partition: int, offset: int) -> AppendedRecord:
        if clock.monotonic() < self._retry_at:
            return UNKNOWN
        messages = self._consume(partition, offset)
        if not messages:
            self._retry_at = clock.monotonic() + RETRY_S
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
            messages = self._consumer.consume(1, TIMEOUT_S)
            self._consumer.unassign()
        except KafkaException:
            return []
        return list(messages)
