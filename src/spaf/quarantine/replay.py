"""Sending a repaired record as a new sale, once.

A replay is written down before it is sent, and its new place after. So one that was interrupted in
between is known, and is not sent again without being asked for.
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
from spaf.topic.producer import open_producer

CLIENT = "spaf-replay"
# Tells in the topic where a replayed sale comes from; the job reads no headers.
HEADER = "spaf-replay-of"
# The producer gives up after a minute; it says so before this, seconds.
FLUSH_SECONDS = 70.0

ATTEMPTS = (
    "SELECT attempt, new_partition, new_offset FROM quarantine_replay "
    "WHERE kafka_partition = %s AND kafka_offset = %s ORDER BY attempt"
)
BEGIN = (
    "INSERT INTO quarantine_replay (kafka_partition, kafka_offset, attempt) VALUES (%s, %s, %s) "
    "ON CONFLICT DO NOTHING"
)
FINISH = (
    "UPDATE quarantine_replay SET new_partition = %s, new_offset = %s, "
    "replayed_at = clock_timestamp() "
    "WHERE kafka_partition = %s AND kafka_offset = %s AND attempt = %s"
)


@dataclass(frozen=True)
class RepairRequest:
    """What the user wants to be changed."""

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
        place = (kept.partition, kept.offset)
        attempt = _begin(connection, place, again=repair.again)
        new = _send(source, place, value)
        connection.execute(FINISH, [*new, *place, attempt])
    return ReplayedSale(*new, sale)


def _begin(connection: psycopg.Connection, place: tuple[int, int], *, again: bool) -> int:
    """Write down that a record is about to be sent again; return which time it is.

    Raises:
        QuarantineError: it was before, or is being now.

    """
    known = connection.execute(ATTEMPTS, place).fetchall()
    name = f"{place[0]}:{place[1]}"
    if known and not again:
        attempt, partition, offset = known[-1]
        what = (
            f"{name} was replayed already, as {partition}:{offset}."
            if offset is not None
            else f"A replay of {name} was begun and interrupted: nobody knows whether it was sent."
        )
        raise QuarantineError(what, todo="With --again it is sent once more.")
    attempt = 1 + max((number for number, *_ in known), default=0)
    if connection.execute(BEGIN, [*place, attempt]).rowcount != 1:
        raise QuarantineError(f"{name} is being replayed by somebody else right now.")
    return attempt


def _send(source: QuarantineSource, place: tuple[int, int], value: bytes) -> tuple[int, int]:
    """Send a sale to the partition of the original, and return where it is.

    Raises:
        QuarantineError: the broker did not acknowledge it.

    """
    told: list[tuple[KafkaError | None, Message]] = []
    producer = open_producer(source.kafka, CLIENT)
    producer.produce(
        source.topic,
        value,
        partition=place[0],
        headers=[(HEADER, f"{place[0]}:{place[1]}".encode())],
        on_delivery=lambda error, message: told.append((error, message)),
    )
    producer.flush(FLUSH_SECONDS)
    error, message = told[0] if told else (None, None)
    if error is not None or message is None:
        raise QuarantineError(
            f"Kafka at {source.kafka} did not acknowledge the sale: "
            f"{error.str() if error is not None else 'no answer'}.",
            todo="See `spaf status`. Should it have arrived all the same, then only the answer was "
            "lost: so it is sent once more only with --again.",
        )
    return int(message.partition() or 0), int(message.offset() or 0)
