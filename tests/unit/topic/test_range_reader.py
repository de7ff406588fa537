"""A range of a topic is read in batches of one partition each, whatever the client returns."""

from __future__ import annotations

from typing import cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from spaf.topic.range_reader import _drain


class Sent:
    """What the client returns for a record, or for the end of a partition."""

    def __init__(
        self, partition: int, offset: int, value: bytes | None = b"", *, end: bool = False
    ) -> None:
        """Keep what a message has."""
        self._partition, self._offset, self._value, self._end = partition, offset, value, end

    def error(self) -> KafkaError | None:
        """Return the end of a partition."""
        return KafkaError(KafkaError._PARTITION_EOF) if self._end else None

    def partition(self) -> int:
        """Return the partition."""
        return self._partition

    def offset(self) -> int:
        """Return the offset."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """Return an append time."""
        return 2, 1_000 + self._offset

    def value(self) -> bytes | None:
        """Return the value."""
        return self._value


class Client:
    """A client that returns these batches."""

    def __init__(self, *batches: list[Sent]) -> None:
        """Keep the batches."""
        self.batches = [*batches]
        self.paused: list[int] = []

    def consume(self, _records: int, _timeout_s: float) -> list[Message]:
        """Return the next batch."""
        return cast("list[Message]", self.batches.pop(0))

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Keep what is complete."""
        self.paused += [partition.partition for partition in partitions]


def test_records_come_by_partition_up_to_the_end_of_the_range() -> None:
    """Two partitions in a batch, records beyond the end, offsets without a record, a tombstone."""
    client = Client(
        [Sent(0, 4, b"a"), Sent(1, 7, None), Sent(0, 6, b"b")],
        [],
        [Sent(2, 9, end=True), Sent(0, 8, b"beyond"), Sent(1, 8, b"c"), Sent(1, 9, b"beyond")],
    )
    todo = {0: 8, 1: 9, 2: 9}
    batches = [*_drain(cast("Consumer", client), "k:1", "t", todo)]
    assert sorted(batches[:2]) == [
        (0, [4, 6], [1_004, 1_006], [b"a", b"b"]),
        (1, [7], [1_007], [None]),
    ]
    assert batches[2:] == [(1, [8], [1_008], [b"c"])]
    assert (todo, sorted(client.paused)) == ({}, [0, 1])
