"""Sending a repaired record as a new sale, once.

A replay is recorded before it is sent, and its new offset after it. An interrupted replay is
therefore known, and is not sent again unless the user asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from confluent_kafka import KafkaError, Message

from spaf import clock
from spaf.errors import QuarantineError
from spaf.quarantine.reader import QuarantinedRecord
from spaf.quarantine.repair import check, repaired
from spaf.quarantine.worker import QuarantineSource
from spaf.sale import Sale
from spaf.store.access import Role
from spaf.store.statement import statement
from spaf.topic.producer import connect, open_producer

CLIENT = "spaf-replay"
# Header with partition and offset of the original record; the job reads no headers.
HEADER = "spaf-replay-of"
# The producer reports a failure after 60 s, which is before this.
FLUSH_S = 70.0


@dataclass(frozen=True)
class RepairRequest:
    """The changes that the user asks for."""

    changes: Sequence[str] = ()
    instead: bytes | None = None
    now: bool = False
    again: bool = False


@dataclass(frozen=True)
class ReplayedSale:
    """A sale that was sent again."""

    partition: int
    offset: int
    sale: Sale


def replay(
    source: QuarantineSource, kept: QuarantinedRecord, repair: RepairRequest
) -> ReplayedSale:
    """Repair a record, make sure that it would be accepted, and send it as a new sale.

    Raises:
        QuarantineError: it cannot be repaired so, would not be accepted, was replayed before, or
            the broker did not acknowledge it.
        StoreError: PostgreSQL does not answer.

    """
    original = kept.payload if repair.instead is None else repair.instead
    arrived_ms = round(kept.append_time.timestamp() * 1_000)
    value = repaired(original, repair.changes, arrived_ms, now=repair.now)
    sale = check(value, clock.now_ms(), source.rules)
    with source.access.session(Role.SINK, autocommit=True) as connection:
        record = {"partition": kept.partition, "offset": kept.offset}
        attempt = _begin(connection, record, again=repair.again)
        partition, offset = _send(source, kept, value)
        new = {"attempt": attempt, "new_partition": partition, "new_offset": offset}
        connection.execute(_sql("finish_replay"), record | new)
    return ReplayedSale(partition, offset, sale)


def _begin(connection: psycopg.Connection, record: dict[str, int], *, again: bool) -> int:
    """Record that a replay begins, and return the number of the attempt.

    Raises:
        QuarantineError: the record was replayed before, or is being replayed now.

    """
    attempts = connection.execute(_sql("replay_attempts"), record).fetchall()
    name = f"{record['partition']}:{record['offset']}"
    if attempts and not again:
        _, partition, offset = attempts[-1]
        what = (
            f"{name} was replayed already, as {partition}:{offset}."
            if offset is not None
            else f"A replay of {name} was interrupted; it is not known whether the sale was sent."
        )
        raise QuarantineError(what, todo="With --again it is sent once more.")
    attempt = 1 + max((number for number, *_ in attempts), default=0)
    if connection.execute(_sql("begin_replay"), record | {"attempt": attempt}).rowcount != 1:
        raise QuarantineError(f"{name} is being replayed by another process right now.")
    return attempt


def _send(source: QuarantineSource, kept: QuarantinedRecord, value: bytes) -> tuple[int, int]:
    """Send a sale to the partition of the original, and return its partition and offset.

    Raises:
        QuarantineError: the broker did not acknowledge it.

    """
    reports: list[tuple[KafkaError | None, Message]] = []
    producer = open_producer(source.kafka, CLIENT)
    connect(producer, source.topic)
    producer.produce(
        source.topic,
        value,
        partition=kept.partition,
        headers=[(HEADER, f"{kept.partition}:{kept.offset}".encode())],
        on_delivery=lambda error, message: reports.append((error, message)),
    )
    producer.flush(FLUSH_S)
    error, message = reports[0] if reports else (None, None)
    if error is not None or message is None:
        raise QuarantineError(
            f"Kafka at {source.kafka} did not acknowledge the sale: "
            f"{error.str() if error is not None else 'no answer'}.",
            todo="See `spaf status`. The sale may have arrived although the acknowledgement was "
            "lost, so it is sent again only with --again.",
        )
    return int(message.partition() or 0), int(message.offset() or 0)


def _sql(name: str) -> bytes:
    return statement("spaf.quarantine", name)
