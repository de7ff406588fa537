"""The producer, with the options that decide what an acknowledged sale means."""

from __future__ import annotations

from confluent_kafka import Producer

from spaf.topic.client import client_options

# Sales that are queued while the broker is unreachable: 50 s at 20,000 a second. The full queue
# takes about 0.5 GB; the next sale raises BufferError at once and must be counted.
MAX_QUEUED_SALES = 1_000_000
# A sale that is not acknowledged within this has failed. A killed broker comes back in 3-10 s, a
# paused one within the 30 s of a fault; a minute covers both.
DELIVERY_TIMEOUT_MS = 60_000
# The 64 KiB that the contract allows a sale, and 1 KiB for its key, headers and framing.
MAX_SALE_BYTES = 65 * 1024


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
        # Send at once, because latency is measured.
        "linger.ms": 0,
        "compression.type": "none",
        # The producer refuses a larger sale than the contract allows before it is sent.
        "message.max.bytes": max_bytes,
        "queue.buffering.max.messages": MAX_QUEUED_SALES,
        "message.timeout.ms": DELIVERY_TIMEOUT_MS,
    }
    return Producer(options)
