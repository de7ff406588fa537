"""A few records of any topic: from an offset, from a time, the newest, or as they arrive.

Every call has a limit in records, in fetched bytes and in time. It joins no group and commits
nothing.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, cast

from confluent_kafka import KafkaError, Message, TopicPartition

from spaf import clock
from spaf.errors import MissingError, TopicError
from spaf.topic.admin import begin_offsets_of, end_offsets_of, offsets_at_time, partitions
from spaf.topic.client import kafka_errors, open_consumer, topic_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka import Consumer

# A healthy broker sends the requested records within this.
FETCH_TIMEOUT_S = 4.0
# Bytes of a partition in one fetch, and of all partitions: a hundred sales are 40 KiB, and one
# record of 1 MiB fits too.
FETCH_KIB = 256
QUEUE_KIB = 2 * 1_024
# Partitions of one request; of a larger topic the caller must name one.
MAX_PARTITIONS = 64
# In place of headers whose names are not UTF-8: the client gives none of them.
UNREADABLE_HEADERS = (("\ufffd", None),)
# Longest wait of one call of librdkafka.
POLL_TIMEOUT_S = 0.05


class ConsumedRecord(NamedTuple):
    """One record with its key, headers and value; `append_ms` is its timestamp in the topic."""

    partition: int
    offset: int
    append_ms: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None


class OffsetRange(NamedTuple):
    """The offsets of a partition from `begin` up to, and without, `end`."""

    begin: int
    end: int


def held_offsets(
    bootstrap: str, topic: str, partition: int | None = None
) -> dict[int, OffsetRange]:
    """Return the offsets that each partition of a topic holds, or one of them.

    Raises:
        TopicError: no broker answers.
        MissingError: it has no such topic or partition, or more than MAX_PARTITIONS.

    """
    known = partitions(bootstrap, topic)
    if partition is not None and partition not in known:
        raise MissingError(
            f"Topic {topic} has no partition {partition}.",
            todo=f"Its partitions are 0 to {known[-1]}.",
            code="no_partition",
            partition=partition,
            last=known[-1],
        )
    wanted = known if partition is None else [partition]
    if len(wanted) > MAX_PARTITIONS:
        raise MissingError(
            f"Topic {topic} has {len(wanted)} partitions.",
            todo="Name one of them.",
            code="partition_required",
        )
    parts = [(topic, number) for number in wanted]
    begins = begin_offsets_of(bootstrap, parts)
    ends = end_offsets_of(bootstrap, parts, committed=True)
    return {part[1]: OffsetRange(begins[part], ends[part]) for part in parts}


class RecordReader(AbstractContextManager["RecordReader"]):
    """A connection that stays open to fetch a few records at a time.

    Calls from several threads are serialised, `close` included.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Open the consumer of one topic."""
        self._bootstrap = bootstrap
        self._topic = topic
        # Records that retention deletes meanwhile are skipped.
        self._consumer = open_consumer(
            bootstrap, offset_reset="earliest", fetch_kib=FETCH_KIB, queue_kib=QUEUE_KIB
        )
        # librdkafka's consumer must not be closed during a fetch.
        self._lock = threading.Lock()

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._consumer.close()

    def fetch(self, todo: Mapping[int, OffsetRange], limit: int) -> list[ConsumedRecord]:
        """Return up to `limit` records of each range, by partition and offset.

        Raises:
            TopicError: the broker cannot be reached.

        """
        ranges = {part: held for part, held in todo.items() if held.begin < held.end}
        if not ranges:
            return []
        starts = [TopicPartition(self._topic, part, held.begin) for part, held in ranges.items()]
        ends = {part: held.end for part, held in ranges.items()}
        with self._lock:
            self._consumer.assign(starts)
            try:
                records = _fetch(self._consumer, self._bootstrap, self._topic, ends, limit)
            finally:
                # A paused partition stays paused, even when it is assigned again.
                self._consumer.resume(starts)
                self._consumer.unassign()
        return sorted(records, key=lambda record: (record.partition, record.offset))


def from_offsets(
    bootstrap: str,
    topic: str,
    held: Mapping[int, OffsetRange],
    start: Mapping[int, int],
    limit: int,
) -> list[ConsumedRecord]:
    """Return up to `limit` records of each partition of `start`, from its offset on.

    An offset before the first that the partition holds means the first.

    Raises:
        TopicError: the broker cannot be reached.

    """
    todo = {
        part: OffsetRange(max(offset, held[part].begin), held[part].end)
        for part, offset in start.items()
    }
    if not any(held.begin < held.end for held in todo.values()):
        return []
    with RecordReader(bootstrap, topic) as reader:
        return reader.fetch(todo, limit)


def from_time(
    bootstrap: str, topic: str, held: Mapping[int, OffsetRange], time_ms: int, limit: int
) -> list[ConsumedRecord]:
    """Return the first `limit` records at or after a moment (epoch ms), in the order of time.

    Raises:
        TopicError: the broker cannot be reached.

    """
    first = offsets_at_time(bootstrap, [(topic, part) for part in held], time_ms)
    start = {part: offset for (_, part), offset in first.items() if offset is not None}
    return _by_time(from_offsets(bootstrap, topic, held, start, limit))[:limit]


def newest(
    bootstrap: str, topic: str, held: Mapping[int, OffsetRange], limit: int
) -> list[ConsumedRecord]:
    """Return the newest `limit` records, in the order of time.

    Raises:
        TopicError: the broker cannot be reached.

    """
    start = {part: offsets.end - limit for part, offsets in held.items()}
    return _by_time(from_offsets(bootstrap, topic, held, start, limit))[-limit:]


def next_record_offsets(bootstrap: str, topic: str, positions: Mapping[int, int]) -> dict[int, int]:
    """Return the offset of the first record at or after each position; its end if there is none.

    Raises:
        TopicError: the broker cannot be reached.
        MissingError: it has no such topic or partition.

    """
    if not positions:
        return {}
    parts = [(topic, part) for part in positions]
    ends = end_offsets_of(bootstrap, parts, committed=True)
    todo = {part: OffsetRange(at, ends[topic, part]) for part, at in positions.items()}
    with RecordReader(bootstrap, topic) as reader:
        first_offsets = {record.partition: record.offset for record in reader.fetch(todo, 1)}
    return {part: first_offsets.get(part, held.end) for part, held in todo.items()}


def record_at(bootstrap: str, topic: str, partition: int, offset: int) -> ConsumedRecord:
    """Return one record.

    Raises:
        TopicError: no broker answers.
        MissingError: the topic does not hold it.

    """
    held = held_offsets(bootstrap, topic, partition)
    begin, end = held[partition]
    if not begin <= offset < end:
        raise MissingError(
            f"Topic {topic} holds no offset {offset} in partition {partition}.",
            todo=f"It holds {begin} to {end - 1}." if begin < end else "It is empty.",
            code="no_offset",
            partition=partition,
            offset=offset,
        )
    only = {partition: OffsetRange(offset, offset + 1)}
    records = from_offsets(bootstrap, topic, only, {partition: offset}, 1)
    if not records or records[0].offset != offset:
        raise MissingError(
            f"Offset {offset} of partition {partition} holds no record.",
            code="no_offset",
            partition=partition,
            offset=offset,
        )
    return records[0]


class TopicTail:
    """New records of a topic, at most a few at each step, whatever the rate."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Begin at the current end.

        Raises:
            TopicError: no broker answers.
            MissingError: it has no such topic, or too many partitions.

        """
        self._ends = {part: held.end for part, held in held_offsets(bootstrap, topic).items()}
        self._bootstrap, self._topic = bootstrap, topic
        self._reader = RecordReader(bootstrap, topic)

    def close(self) -> None:
        """Close the connection, once no step is running."""
        self._reader.close()

    def step(self, limit: int) -> tuple[list[ConsumedRecord], int]:
        """Return up to `limit` newest records since the last step, and the number of the others.

        Only the returned records are fetched, so a busy topic costs no more than a quiet one.

        Raises:
            TopicError: the broker cannot be reached.

        """
        parts = [(self._topic, part) for part in self._ends]
        offsets = end_offsets_of(self._bootstrap, parts, committed=True)
        ends = {part: end for (_, part), end in offsets.items()}
        # A topic that was deleted and created again ends before the last known end.
        old = {part: min(self._ends[part], end) for part, end in ends.items()}
        todo = {part: OffsetRange(max(old[part], end - limit), end) for part, end in ends.items()}
        records = _by_time(self._reader.fetch(todo, limit))[-limit:]
        self._ends = ends
        return records, sum(ends.values()) - sum(old.values()) - len(records)


def _by_time(records: list[ConsumedRecord]) -> list[ConsumedRecord]:
    return sorted(records, key=lambda record: (record.append_ms, record.partition, record.offset))


def _fetch(
    consumer: Consumer, bootstrap: str, topic: str, todo: dict[int, int], limit: int
) -> list[ConsumedRecord]:
    """Return the records until each partition of `todo` has reached its end or `limit`."""
    doing = f"Reading topic {topic}"
    records: list[ConsumedRecord] = []
    left = dict.fromkeys(todo, limit)
    deadline = clock.monotonic() + FETCH_TIMEOUT_S
    while todo and clock.monotonic() < deadline:
        with kafka_errors(doing, bootstrap):
            batch = consumer.consume(limit, POLL_TIMEOUT_S)
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
                records.append(_record(message, part, offset))
                left[part] -= 1
            if not left[part] or offset >= todo[part] - 1:
                del todo[part]
                consumer.pause([TopicPartition(topic, part)])
    if todo and not records:
        raise TopicError(
            f"{doing}: no record came from {bootstrap} within {FETCH_TIMEOUT_S:.0f} s.",
            todo="Check that the broker runs (`spaf status`).",
        )
    return records


def _record(message: Message, part: int, offset: int) -> ConsumedRecord:
    return ConsumedRecord(
        part,
        offset,
        message.timestamp()[1],
        message.key(),
        headers_of(message),
        message.value(),
    )


def headers_of(message: Message) -> tuple[tuple[str, bytes | None], ...]:
    """Return the headers in their order; one name may occur more than once."""
    try:
        headers = message.headers()
    except UnicodeDecodeError:
        # Kafka's protocol wants UTF-8 for a name, but no broker checks it.
        return UNREADABLE_HEADERS
    return tuple(cast("list[tuple[str, bytes | None]]", headers or []))
