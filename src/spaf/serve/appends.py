"""When a single record was appended to the topic, and the currency of its sale."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from spaf.sale import Rules, Sale, decode
from spaf.topic.client import client_options

# Loopback answers in a few; an anomaly is shown without its delay rather than later, seconds.
PATIENCE_S = 0.5


class Append(NamedTuple):
    """What a record tells of a sale; None what it does not."""

    append_ms: int | None
    currency: str | None


UNKNOWN = Append(None, None)


class Appends:
    """A consumer that fetches one record at a time; nothing is joined, nothing committed."""

    def __init__(self, bootstrap: str, topic: str, rules: Rules) -> None:
        """Keep where and how to read; the consumer is made at the first question."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._rules = rules
        self._consumer: Consumer | None = None
        self._alone = asyncio.Lock()

    async def of(self, partition: int, offset: int) -> Append:
        """Return what is known of the record at an offset."""
        async with self._alone:
            return await asyncio.to_thread(self._fetch, partition, offset)

    def close(self) -> None:
        """End the consumer; it takes a moment."""
        if self._consumer is not None:
            self._consumer.close()

    def _fetch(self, partition: int, offset: int) -> Append:
        if self._consumer is None:
            self._consumer = Consumer(_options(self._bootstrap))
        try:
            self._consumer.assign([TopicPartition(self._topic, partition, offset)])
            messages = self._consumer.consume(1, PATIENCE_S)
            self._consumer.unassign()
        except KafkaException:
            return UNKNOWN
        if not messages or messages[0].error() is not None or messages[0].offset() != offset:
            return UNKNOWN
        append_ms = messages[0].timestamp()[1]
        outcome = decode(messages[0].value(), append_ms, self._rules)[0]
        return Append(append_ms, outcome.currency if isinstance(outcome, Sale) else None)


def _options(bootstrap: str) -> dict[str, object]:
    return client_options(bootstrap) | {
        "group.id": "spaf-page",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        # One record is wanted; what is fetched with it is thrown away.
        "max.partition.fetch.bytes": 4_096,
        "fetch.wait.max.ms": 10,
        "queued.min.messages": 1,
        "queued.max.messages.kbytes": 1_024,
    }
