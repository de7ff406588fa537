"""Reading a range of a topic: every record, in offset order in each partition, up to its end."""

from __future__ import annotations

from contextlib import closing
from itertools import repeat
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError, Message, TopicPartition

from spaf import clock
from spaf.errors import TopicError
from spaf.sale.record import BATCH_RECORDS, Record, RecordBatch
from spaf.topic.admin import partitions
from spaf.topic.client import QUEUE_KIB, kafka_errors, open_consumer, topic_error

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from confluent_kafka import Consumer

# A call waits this long for its batch to fill; in practice only at the end of the range.
BATCH_TIMEOUT_S = 0.05
# Without a record and without an end for this long, the broker is considered unreachable.
STALL_TIMEOUT_S = 30.0
# Most bytes of a partition in one fetch.
MAX_FETCH_KIB = 4 * 1024


def read(
    bootstrap: str,
    topic: str,
    start: Mapping[int, int],
    end: Mapping[int, int],
    *,
    queue_kib: int = QUEUE_KIB,
) -> Generator[Record, None, None]:
    """Yield the records of each partition from its `start` up to, and without, its `end`.

    Everything else is as with `read_batches`.

    Raises:
        TopicError: the broker cannot be reached, or no longer holds a wanted offset.

    """
    for batch in read_batches(bootstrap, topic, start, end, queue_kib=queue_kib):
        yield from map(Record, repeat(batch.partition), *batch[1:])


def read_batches(
    bootstrap: str,
    topic: str,
    start: Mapping[int, int],
    end: Mapping[int, int],
    *,
    queue_kib: int = QUEUE_KIB,
) -> Generator[RecordBatch, None, None]:
    """Yield the records of each partition from its `start` up to, and without, its `end`.

    The partitions of `end` are read; one without a `start` begins at offset 0. Partitions
    interleave, each in offset order. A tombstone's value is None. Offsets without a record
    (transaction markers, aborted sales) are skipped, also at the end.

    Args:
        bootstrap: the broker.
        topic: the topic.
        start: the first offset of each partition.
        end: the offset after the last of each partition.
        queue_kib: most bytes that are fetched ahead of the reader.

    Raises:
        TopicError: the broker cannot be reached, or no longer holds a wanted offset.

    """
    todo = {part: stop for part, stop in end.items() if start.get(part, 0) < stop}
    if not todo:
        return
    partitions(bootstrap, topic)  # raises at once if the topic is missing
    fetch_kib = min(MAX_FETCH_KIB, queue_kib)
    with closing(open_consumer(bootstrap, fetch_kib=fetch_kib, queue_kib=queue_kib)) as consumer:
        consumer.assign([TopicPartition(topic, part, start.get(part, 0)) for part in todo])
        yield from _drain(consumer, bootstrap, topic, todo)


def _drain(
    consumer: Consumer, bootstrap: str, topic: str, todo: dict[int, int]
) -> Generator[RecordBatch, None, None]:
    """Yield the records until no partition is left in `todo`; a complete one is removed from it."""
    doing = f"Reading topic {topic}"
    deadline = clock.monotonic() + STALL_TIMEOUT_S
    while todo:
        with kafka_errors(doing, bootstrap):
            batch = consumer.consume(BATCH_RECORDS, BATCH_TIMEOUT_S)
        now = clock.monotonic()
        if batch:
            deadline = now + STALL_TIMEOUT_S
        elif now > deadline:
            raise _stalled(doing, bootstrap, todo)
        records = [message for message in batch if message.error() is None]
        for part, own in _by_partition(records):
            stop = todo.get(part, 0)
            wanted = own
            if cast("int", own[-1].offset()) >= stop:
                wanted = [message for message in own if cast("int", message.offset()) < stop]
            if part in todo and cast("int", own[-1].offset()) >= stop - 1:
                _finish(consumer, topic, part, todo)
            if wanted:
                yield _columns(part, wanted)
        if len(records) < len(batch):
            _handle_errors(batch, todo, doing, bootstrap)


def _by_partition(messages: list[Message]) -> Iterator[tuple[int, list[Message]]]:
    """Yield the messages of each partition."""
    parts = {cast("int", message.partition()) for message in messages}
    for part in parts:
        own = messages
        if len(parts) > 1:
            own = [message for message in messages if message.partition() == part]
        yield part, own


def _columns(part: int, messages: list[Message]) -> RecordBatch:
    """Return messages of a partition; a message that was read has an offset."""
    return RecordBatch(
        part,
        [cast("int", message.offset()) for message in messages],
        [message.timestamp()[1] for message in messages],
        [message.value() for message in messages],
    )


def _finish(consumer: Consumer, topic: str, part: int, todo: dict[int, int]) -> None:
    """Stop fetching a partition whose range is complete."""
    del todo[part]
    consumer.pause([TopicPartition(topic, part)])


def _handle_errors(batch: list[Message], todo: dict[int, int], doing: str, bootstrap: str) -> None:
    """Finish partitions whose last offsets hold no record; any other error is raised.

    Raises:
        TopicError: an error is not the end of a partition.

    """
    for message in batch:
        error = message.error()
        if error is None:
            continue
        part, offset = cast("int", message.partition()), cast("int", message.offset())
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - confluent_kafka's name for it
            if part in todo and offset >= todo[part]:
                del todo[part]
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            raise TopicError(
                f"{doing}: Kafka at {bootstrap} does not hold offset {offset} of partition {part}.",
                todo="Its retention may have deleted it; read from the topic's first offset "
                "instead.",
            )
        else:
            raise topic_error(doing, bootstrap, error)


def _stalled(doing: str, bootstrap: str, todo: Mapping[int, int]) -> TopicError:
    return TopicError(
        f"{doing}: nothing came from {bootstrap} for {STALL_TIMEOUT_S:.0f} s; partitions "
        f"{sorted(todo)} are not complete.",
        todo="Check that the broker runs (`spaf status`) and that no transaction is left open.",
    )
