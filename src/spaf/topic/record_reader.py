"""A few records of any topic, to look at: from an offset, from a time, the newest, or as they come.

Every call is bounded: in records, in what is fetched, and in time. Nothing is committed, no group
is joined.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from spaf import clock
from spaf.errors import MissingError, TopicError
from spaf.topic.admin import at_time, begins_of, ends_of, partitions
from spaf.topic.client import client_options, explained, topic_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

# A broker that is well sends what is asked for within this, seconds.
LOOK_SECONDS = 4.0
# What a look may fetch ahead, KiB: a hundred sales are 40 KiB, a record of 1 MiB fits too.
QUEUE_KIB = 2 * 1024
# Partitions that are looked at together; of a larger topic one must be named.
MOST_PARTITIONS = 64
# A call waits this long for something to come, seconds.
WAIT_SECONDS = 0.05


class ConsumedRecord(NamedTuple):
    """One record with all that Kafka keeps of it; `append_ms` is what the topic keeps as time."""

    partition: int
    offset: int
    append_ms: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None


class OffsetRange(NamedTuple):
    """The offsets that a partition holds: from `begin` up to, and without, `end`."""

    begin: int
    end: int


def spans(bootstrap: str, topic: str, partition: int | None = None) -> dict[int, OffsetRange]:
    """Return what each partition of a topic holds, or one partition.

    Raises:
        TopicError: no broker answers.
        MissingError: it has no such topic or partition, or too many partitions for one look.

    """
    known = partitions(bootstrap, topic)
    if partition is not None and partition not in known:
        raise MissingError(
            f"Topic {topic} has no partition {partition}.",
            todo=f"Its partitions are 0 to {known[-1]}.",
        )
    wanted = known if partition is None else [partition]
    if len(wanted) > MOST_PARTITIONS:
        raise MissingError(f"Topic {topic} has {len(wanted)} partitions.", todo="Name one of them.")
    parts = [(topic, number) for number in wanted]
    begins, ends = begins_of(bootstrap, parts), ends_of(bootstrap, parts)
    return {part[1]: OffsetRange(begins[part], ends[part]) for part in parts}


class RecordReader:
    """A connection that is kept, to look at a few records now and then.

    One thread at a time looks; the others wait, and so does the end.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Prepare to look at one topic."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._consumer = Consumer(_options(bootstrap))
        # librdkafka must not see a look and the end at once.
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Use it for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._consumer.close()

    def look(self, todo: Mapping[int, OffsetRange], limit: int) -> list[ConsumedRecord]:
        """Return up to `limit` records of each span, by partition and offset.

        Raises:
            TopicError: the broker cannot be reached.

        """
        wanted = {part: span for part, span in todo.items() if span.begin < span.end}
        if not wanted:
            return []
        places = [TopicPartition(self._topic, part, span.begin) for part, span in wanted.items()]
        ends = {part: span.end for part, span in wanted.items()}
        with self._lock:
            self._consumer.assign(places)
            try:
                found = _fetch(self._consumer, self._bootstrap, self._topic, ends, limit)
            finally:
                # A partition that is paused stays so, even when it is assigned again.
                self._consumer.resume(places)
                self._consumer.unassign()
        return sorted(found, key=lambda one: (one.partition, one.offset))


def from_offsets(
    bootstrap: str,
    topic: str,
    held: Mapping[int, OffsetRange],
    start: Mapping[int, int],
    limit: int,
) -> list[ConsumedRecord]:
    """Return up to `limit` records of each partition of `start`, from its offset on.

    An offset before the first that is held is taken for the first.

    Raises:
        TopicError: the broker cannot be reached.

    """
    todo = {
        part: OffsetRange(max(offset, held[part].begin), held[part].end)
        for part, offset in start.items()
    }
    if not any(span.begin < span.end for span in todo.values()):
        return []
    with RecordReader(bootstrap, topic) as eye:
        return eye.look(todo, limit)


def from_time(
    bootstrap: str, topic: str, held: Mapping[int, OffsetRange], time_ms: int, limit: int
) -> list[ConsumedRecord]:
    """Return the first `limit` records at or after a moment (epoch ms), in the order of time.

    Raises:
        TopicError: the broker cannot be reached.

    """
    first = at_time(bootstrap, [(topic, part) for part in held], time_ms)
    start = {part: offset for (_, part), offset in first.items() if offset is not None}
    return _by_time(from_offsets(bootstrap, topic, held, start, limit))[:limit]


def newest(
    bootstrap: str, topic: str, held: Mapping[int, OffsetRange], limit: int
) -> list[ConsumedRecord]:
    """Return the newest `limit` records, in the order of time.

    Raises:
        TopicError: the broker cannot be reached.

    """
    start = {part: span.end - limit for part, span in held.items()}
    return _by_time(from_offsets(bootstrap, topic, held, start, limit))[-limit:]


def one(bootstrap: str, topic: str, partition: int, offset: int) -> ConsumedRecord:
    """Return one record.

    Raises:
        TopicError: no broker answers.
        MissingError: the topic does not hold it.

    """
    held = spans(bootstrap, topic, partition)
    begin, end = held[partition]
    if not begin <= offset < end:
        raise MissingError(
            f"Topic {topic} holds no offset {offset} in partition {partition}.",
            todo=f"It holds {begin} to {end - 1}." if begin < end else "It is empty.",
        )
    only = {partition: OffsetRange(offset, offset + 1)}
    found = from_offsets(bootstrap, topic, only, {partition: offset}, 1)
    if not found or found[0].offset != offset:
        raise MissingError(f"Offset {offset} of partition {partition} holds no record.")
    return found[0]


class TopicTail:
    """What comes to a topic, a few records at each step, however much it is."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Begin at the present end.

        Raises:
            TopicError: no broker answers.
            MissingError: it has no such topic, or too many partitions.

        """
        self._place = {part: span.end for part, span in spans(bootstrap, topic).items()}
        self._bootstrap, self._topic = bootstrap, topic
        self._eye = RecordReader(bootstrap, topic)

    def close(self) -> None:
        """Close the connection, once no step is under way."""
        self._eye.close()

    def step(self, most: int) -> tuple[list[ConsumedRecord], int]:
        """Return the newest records since the last step, at most so many, and how many others.

        Only those that are returned are fetched, so a busy topic costs no more than a quiet one.

        Raises:
            TopicError: the broker cannot be reached.

        """
        parts = [(self._topic, part) for part in self._place]
        ends = {part: end for (_, part), end in ends_of(self._bootstrap, parts).items()}
        # A topic that was made anew ends before the place that is known of it.
        old = {part: min(self._place[part], end) for part, end in ends.items()}
        todo = {part: OffsetRange(max(old[part], end - most), end) for part, end in ends.items()}
        found = _by_time(self._eye.look(todo, most))[-most:]
        self._place = ends
        return found, sum(ends.values()) - sum(old.values()) - len(found)


def _by_time(found: list[ConsumedRecord]) -> list[ConsumedRecord]:
    return sorted(found, key=lambda one: (one.append_ms, one.partition, one.offset))


def _fetch(
    consumer: Consumer, bootstrap: str, topic: str, todo: dict[int, int], limit: int
) -> list[ConsumedRecord]:
    """Return what comes until each partition of `todo` has come to its end or to `limit`."""
    doing = f"Reading topic {topic}"
    found: list[ConsumedRecord] = []
    left = dict.fromkeys(todo, limit)
    deadline = clock.monotonic() + LOOK_SECONDS
    while todo and clock.monotonic() < deadline:
        with explained(doing, bootstrap):
            batch = consumer.consume(limit, WAIT_SECONDS)
        for message in batch:
            part, offset = cast("int", message.partition()), cast("int", message.offset())
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name there
                    todo.pop(part, None)
                    continue
                raise topic_error(doing, bootstrap, error)
            if part not in todo:
                continue
            if offset < todo[part]:
                found.append(_seen(message, part, offset))
                left[part] -= 1
            if not left[part] or offset >= todo[part] - 1:
                del todo[part]
                consumer.pause([TopicPartition(topic, part)])
    if todo and not found:
        raise TopicError(
            f"{doing}: nothing came from {bootstrap} within {LOOK_SECONDS:.0f} s.",
            todo="Check that the broker runs (`spaf status`).",
        )
    return found


def _seen(message: Message, part: int, offset: int) -> ConsumedRecord:
    return ConsumedRecord(
        part,
        offset,
        message.timestamp()[1],
        message.key(),
        tuple(cast("list[tuple[str, bytes | None]]", message.headers() or [])),
        message.value(),
    )


def _options(bootstrap: str) -> dict[str, object]:
    return client_options(bootstrap) | {
        # The API wants a name; nothing is joined and nothing committed.
        "group.id": "spaf-browser",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        # What retention deletes while it is looked at is passed over.
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 10,
        "max.partition.fetch.bytes": 256 * 1024,
        "fetch.max.bytes": QUEUE_KIB * 1024,
        "queued.max.messages.kbytes": QUEUE_KIB,
    }
