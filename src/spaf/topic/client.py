"""What every Kafka client of SPAF shares: its options, and how its errors reach the user."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from spaf.errors import TopicError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

# librdkafka writes its own lines to stderr, past every Python logger. Level 0 leaves only "the
# system is unusable"; what goes wrong reaches us as exceptions and through `error_cb`.
_LIBRDKAFKA_SILENT = 0
# A dead address answers within this or never: everything is near, often on loopback. Milliseconds.
_CONNECT_MS = 3_000
# Longest wait before the next attempt to connect: a broker that comes back is found at once, where
# the default (10 s) would be the largest part of its start. Milliseconds.
_RECONNECT_MS = 250

UNREACHABLE = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - how confluent_kafka names local errors
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
    }
)


def client_options(bootstrap: str) -> dict[str, Any]:
    """Return the options of every client: where the broker is, and silence on stderr."""
    return {
        "bootstrap.servers": bootstrap,
        "socket.connection.setup.timeout.ms": _CONNECT_MS,
        "reconnect.backoff.max.ms": _RECONNECT_MS,
        "log_level": _LIBRDKAFKA_SILENT,
        "error_cb": _note,
    }


@contextmanager
def explained(doing: str, bootstrap: str) -> Iterator[None]:
    """Turn Kafka's errors inside the block into a TopicError that says what was being done.

    Raises:
        TopicError: what was being done, where, why it failed, and what to do next.

    """
    try:
        yield
    except KafkaException as failure:
        raise topic_error(doing, bootstrap, failure.args[0]) from None


def topic_error(doing: str, bootstrap: str, error: KafkaError) -> TopicError:
    """Return the TopicError for one of Kafka's errors."""
    if error.code() in UNREACHABLE:
        return TopicError(
            f"{doing}: no Kafka broker answers at {bootstrap}.",
            todo="Check that it runs (`spaf status`), or correct SPAF_KAFKA__BOOTSTRAP_SERVERS.",
        )
    return TopicError(
        f"{doing}: Kafka at {bootstrap} answered {error.name()}: {error.str()}",
        todo="See the broker's log (`spaf logs kafka`).",
    )


def _note(error: KafkaError) -> None:
    """Keep what librdkafka reports between calls; it retries by itself."""
    log.debug("kafka client: %s", error)
