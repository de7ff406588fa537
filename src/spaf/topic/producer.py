"""The producer: every option that decides what an acknowledged sale means, in one place."""

from __future__ import annotations

from confluent_kafka import Producer

from spaf.topic.client import client_options

# Sales that may wait while the broker is away: 50 seconds at 20,000 a second. The full queue
# costs about 0.5 GB; the next sale is refused at once (BufferError) and must be counted.
QUEUE_SALES = 1_000_000
# After this a sale counts as failed. A broker that is killed comes back in 3-10 seconds, a paused
# one within a fault's 30; a minute covers both and still ends within a person's patience. ms.
DELIVERY_TIMEOUT_MS = 60_000
# The 64 KiB of a sale that the contract promises, and 1 KiB for its key, headers and framing.
LARGEST_SALE_BYTES = 65 * 1024


def open_producer(bootstrap: str, client_id: str, *, largest: int = LARGEST_SALE_BYTES) -> Producer:
    """Return a producer that loses nothing, doubles nothing and waits for nobody.

    It connects in the background: whether the broker is there shows in the delivery reports.
    `largest` is the size of a record that it refuses by itself, bytes.
    """
    options = client_options(bootstrap) | {
        "client.id": client_id,
        # A retry after a lost acknowledgement must not store the sale twice.
        "enable.idempotence": True,
        "acks": "all",
        # Latency is what is measured here: a sale leaves when it is due.
        "linger.ms": 0,
        "compression.type": "none",
        # A sale that is larger than the contract promises to take is refused before it is sent.
        "message.max.bytes": largest,
        "queue.buffering.max.messages": QUEUE_SALES,
        "message.timeout.ms": DELIVERY_TIMEOUT_MS,
    }
    return Producer(options)
