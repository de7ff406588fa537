"""The producer, with the options that decide what an acknowledged sale means."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from spaf.errors import TopicError
from spaf.topic.client import client_options

# Sales that are queued while the broker is unreachable: 50 s at 20,000 a second. The full queue
# takes about 0.5 GB; the next sale raises BufferError at once and must be counted.
MAX_QUEUED_SALES = 1_000_000
# A sale that is not acknowledged within this has failed. A killed broker comes back in 3-10 s, a
# paused one within the 30 s of a fault; a minute covers both.
DELIVERY_TIMEOUT_MS = 60_000
# The 64 KiB that the contract allows a sale, and 1 KiB for its key, headers and framing.
MAX_SALE_BYTES = 65 * 1024
# A broker that is there answers within milliseconds; one that is not shows in the delivery reports.
CONNECT_S = 2.0
# The producer reports a failure after DELIVERY_TIMEOUT_MS, which is before this.
FLUSH_S = 70.0


@dataclass(frozen=True)
class AcknowledgedRecord:
    """Where the broker has put a record, and when."""

    partition: int
    offset: int
    append_ms: int


def open_producer(bootstrap: str, client_id: str, *, max_bytes: int = MAX_SALE_BYTES) -> Producer:
    """Return a producer that neither loses nor repeats a sale, and never blocks.

    It connects in the background: an unreachable broker shows in the delivery reports. It refuses
    a record of more than `max_bytes`.
    """
    options = client_options(bootstrap) | {
        "client.id": client_id,
        # A retry after a lost acknowledgement must not store the sale twice.
        "enable.idempotence": True,
        "acks": "all",
        # As Kafka's own clients choose the partition of a key: the sales of one product keep their
        # order whichever client sends them.
        "partitioner": "murmur2_random",
        # Send at once, because latency is measured.
        "linger.ms": 0,
        "compression.type": "none",
        # The producer refuses a larger sale than the contract allows before it is sent.
        "message.max.bytes": max_bytes,
        "queue.buffering.max.messages": MAX_QUEUED_SALES,
        "message.timeout.ms": DELIVERY_TIMEOUT_MS,
    }
    return Producer(options)


def connect(producer: Producer, topic: str) -> None:
    """Wait until a new producer is connected, so that its first record does not wait.

    An idempotent producer needs an id of the broker. If it is to send before it is connected,
    librdkafka asks for the id again only half a second later (rdkafka_idempotence.c).
    """
    with contextlib.suppress(KafkaException):
        producer.list_topics(topic, timeout=CONNECT_S)


def append_records(
    bootstrap: str, topic: str, client_id: str, values: Sequence[bytes]
) -> list[AcknowledgedRecord]:
    """Append records one after the other, and return where each of them is.

    Raises:
        TopicError: the broker did not acknowledge one of them.

    """
    reports: list[tuple[KafkaError | None, Message]] = []
    producer = open_producer(bootstrap, client_id)
    connect(producer, topic)
    for value in values:
        producer.produce(
            topic, value, on_delivery=lambda error, message: reports.append((error, message))
        )
    producer.flush(FLUSH_S)
    failed = [error.str() for error, _ in reports if error is not None]
    if failed or len(reports) < len(values):
        raise TopicError(
            f"Kafka at {bootstrap} did not acknowledge the record: "
            f"{failed[0] if failed else 'no answer'}.",
            todo="See `spaf status`. The record may have arrived although its acknowledgement "
            "was lost.",
        )
    return [_appended(message) for _, message in reports]


def _appended(message: Message) -> AcknowledgedRecord:
    return AcknowledgedRecord(
        message.partition() or 0, message.offset() or 0, message.timestamp()[1]
    )
