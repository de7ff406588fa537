"""Transactions that are still open: nothing behind the first record of one can be read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import TopicPartition

from spaf import clock
from spaf.topic.admin import REQUEST_TIMEOUT_S, end_offsets_of
from spaf.topic.client import kafka_errors, open_consumer
from spaf.trouble import Trouble, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import Consumer

# A transaction of a healthy producer is over within this; younger ones are not reported.
MIN_OPEN_S = 3.0
# The first record of an open transaction is fetched within this; without it the age is unknown.
FETCH_TIMEOUT_S = 2.0
POLL_TIMEOUT_S = 0.05
FETCH_KIB, QUEUE_KIB = 64, 2 * 1_024


class OpenTransaction(NamedTuple):
    """The oldest open transaction of a partition."""

    partition: int
    offset: int
    """Its first record; the job reads up to here."""
    since_ms: int
    """Append time of that record, epoch milliseconds."""
    waiting: int
    """Offsets from that record on, which the job cannot read."""

    def open_s(self, now_ms: int) -> int:
        """Return since how many seconds it is open."""
        return max(0, now_ms - self.since_ms) // 1_000

    def trouble(self, topic: str) -> Trouble:
        """Return it as a cause, in the words in which the health of a run names it."""
        return trouble(
            "open_transaction",
            topic=topic,
            partition=self.partition,
            offset=self.offset,
            records=self.waiting,
        )


def open_transactions(
    bootstrap: str,
    topic: str,
    partitions: Iterable[int],
    *,
    seconds: float = REQUEST_TIMEOUT_S,
    min_open_s: float = MIN_OPEN_S,
) -> list[OpenTransaction]:
    """Return the oldest open transaction of each partition, if it has been open long enough.

    Without an open transaction it costs two small requests.

    Args:
        bootstrap: the broker.
        topic: the topic.
        partitions: the numbers of its partitions.
        seconds: timeout of a request.
        min_open_s: leave out younger transactions, which may be about to end.

    Raises:
        TopicError: the broker does not answer, or lacks one of the partitions.

    """
    parts = [(topic, part) for part in partitions]
    # The readable ends first: what is appended between the requests may look open, but is young.
    readable = end_offsets_of(bootstrap, parts, seconds, committed=True)
    ends = end_offsets_of(bootstrap, parts, seconds)
    first = {part: readable[topic, part] for _, part in parts}
    behind = {part: at for part, at in first.items() if at < ends[topic, part]}
    if not behind:
        return []
    now_ms = clock.now_ms()
    return [
        OpenTransaction(part, behind[part], since_ms, ends[topic, part] - behind[part])
        for part, since_ms in sorted(_append_times(bootstrap, topic, behind).items())
        if now_ms - since_ms >= min_open_s * 1_000
    ]


def _append_times(bootstrap: str, topic: str, offsets: dict[int, int]) -> dict[int, int]:
    """Return the append times of records, committed or not, as far as they come in time."""
    consumer = open_consumer(
        bootstrap,
        committed=False,
        offset_reset="earliest",
        fetch_kib=FETCH_KIB,
        queue_kib=QUEUE_KIB,
    )
    with closing(consumer):
        consumer.assign([TopicPartition(topic, part, at) for part, at in offsets.items()])
        return _first_times(consumer, bootstrap, topic, set(offsets))


def _first_times(consumer: Consumer, bootstrap: str, topic: str, parts: set[int]) -> dict[int, int]:
    times: dict[int, int] = {}
    deadline = clock.monotonic() + FETCH_TIMEOUT_S
    while len(times) < len(parts) and clock.monotonic() < deadline:
        with kafka_errors(f"Reading topic {topic}", bootstrap):
            batch = consumer.consume(len(parts), POLL_TIMEOUT_S)
        for message in batch:
            part = message.partition()
            if message.error() is None and part is not None:
                times.setdefault(part, message.timestamp()[1])
                consumer.pause([TopicPartition(topic, part)])
    return times
