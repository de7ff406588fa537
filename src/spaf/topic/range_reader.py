"""Reading a range of the topic: every record, in offset order in each partition, and a sure end."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from spaf import clock
from spaf.errors import TopicError
from spaf.sale.record import Record
from spaf.topic.admin import partitions
from spaf.topic.client import client_options, explained, topic_error

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

# Records a call brings from librdkafka: enough to make the call itself cheap.
BATCH_RECORDS = 5_000
# A call waits this long for its batch to fill; only the end of the range ever waits. Seconds.
BATCH_SECONDS = 0.05
# No record and no end for so long is a broker that is away, not a slow one. Seconds.
STALL_SECONDS = 30.0
# What may be fetched ahead of who reads a whole topic, KiB: librdkafka's default.
QUEUE_KIB = 64 * 1024


def read(
    bootstrap: str,
    topic: str,
    start: Mapping[int, int],
    end: Mapping[int, int],
    *,
    queue_kib: int = QUEUE_KIB,
) -> Generator[Record, None, None]:
    """Yield the records of each partition from its `start` up to, and without, its `end`.

    Partitions of `end` alone are read; one without a `start` begins at offset 0. Partitions
    interleave, each in offset order. A tombstone's value is None. Offsets that hold no record
    for a reader (transaction markers, aborted sales) are passed over, at the end too.

    Args:
        bootstrap: the broker.
        topic: the topic.
        start: the first offset of each partition.
        end: the offset behind the last of each partition.
        queue_kib: what may be fetched ahead of the reader, KiB.

    Raises:
        TopicError: the broker cannot be reached, or no longer holds a wanted offset.

    """
    todo = {part: stop for part, stop in end.items() if start.get(part, 0) < stop}
    if not todo:
        return
    partitions(bootstrap, topic)  # a topic that is missing is an error now, not after a long wait
    with closing(Consumer(_options(bootstrap, queue_kib))) as consumer:
        consumer.assign([TopicPartition(topic, part, start.get(part, 0)) for part in todo])
        yield from _drain(consumer, bootstrap, topic, todo)


def _options(bootstrap: str, queue_kib: int) -> dict[str, object]:
    return client_options(bootstrap) | {
        # The API wants a name; nothing is joined and nothing committed.
        "group.id": "spaf-reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        # A wanted offset that is gone must be an error, never a silent jump.
        "auto.offset.reset": "error",
        # Loopback or TCP: both have checksums of their own.
        "check.crcs": False,
        # Ask for much and answer at once: a range is read to be finished, not to be followed.
        "fetch.wait.max.ms": 10,
        "max.partition.fetch.bytes": min(4 * 1024, queue_kib) * 1024,
        "queued.max.messages.kbytes": queue_kib,
        # A full queue of 100,000 records is read in less than the second that fetching would
        # otherwise pause for.
        "fetch.queue.backoff.ms": 5,
    }


def _drain(
    consumer: Consumer, bootstrap: str, topic: str, todo: dict[int, int]
) -> Generator[Record, None, None]:
    """Yield until no partition is left in `todo`, which this empties."""
    doing = f"Reading topic {topic}"
    patience = clock.monotonic() + STALL_SECONDS
    while todo:
        with explained(doing, bootstrap):
            batch = consumer.consume(BATCH_RECORDS, BATCH_SECONDS)
        now = clock.monotonic()
        if batch:
            patience = now + STALL_SECONDS
        elif now > patience:
            raise _stalled(doing, bootstrap, todo)
        for message in batch:
            error = message.error()
            if error is not None:
                _pass_end(message, error, todo, doing, bootstrap)
                continue
            part, offset = _place(message)
            stop = todo.get(part)
            if stop is None:
                continue
            if offset < stop:
                yield Record(part, offset, message.timestamp()[1], message.value())
            if offset >= stop - 1:
                _finish(consumer, topic, part, todo)


def _place(message: Message) -> tuple[int, int]:
    """Return partition and offset, which every message that was read has."""
    return cast("int", message.partition()), cast("int", message.offset())


def _finish(consumer: Consumer, topic: str, part: int, todo: dict[int, int]) -> None:
    """Stop fetching a partition whose range is complete."""
    del todo[part]
    consumer.pause([TopicPartition(topic, part)])


def _pass_end(
    message: Message, error: KafkaError, todo: dict[int, int], doing: str, bootstrap: str
) -> None:
    """Note the end of a log whose last offsets hold no record; anything else is a failure.

    Raises:
        TopicError: the reader was told of an error rather than of an end.

    """
    part, offset = _place(message)
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - confluent_kafka's name for it
        if part in todo and offset >= todo[part]:
            del todo[part]
        return
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
        raise TopicError(
            f"{doing}: Kafka at {bootstrap} does not hold offset {offset} of partition {part}.",
            todo="Its retention may have deleted it; read from the topic's first offset instead.",
        )
    raise topic_error(doing, bootstrap, error)


def _stalled(doing: str, bootstrap: str, todo: Mapping[int, int]) -> TopicError:
    return TopicError(
        f"{doing}: nothing came from {bootstrap} for {STALL_SECONDS:.0f} s; partitions "
        f"{sorted(todo)} are not complete.",
        todo="Check that the broker runs (`spaf status`) and that no transaction is left open.",
    )
