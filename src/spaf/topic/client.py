"""Options of every Kafka client, the one way to open a consumer, and Kafka's errors as ours."""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException

from spaf import clock
from spaf.errors import TopicError, UnreachableError
from spaf.topic.security import explained, is_secure, security_of, wrong_protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

# librdkafka writes to stderr, not to Python's loggers. Level 0 leaves only "the system is
# unusable"; errors are raised as exceptions or passed to `error_cb`.
_LIBRDKAFKA_SILENT = 0
# A broker on loopback or in the local network accepts a connection within this, or never.
_CONNECT_MS = 3_000
# A client that cannot connect is asked why for this long.
_DIAGNOSIS_S = 2.0
_DIAGNOSIS_STEP_S = 0.25
# What librdkafka says of a server that is not there.
_ABSENT = ("Connection refused", "Failed to resolve", "No route to host")
# Longest wait before the next attempt to connect. With the default (10 s) a broker that has been
# restarted would be found late.
_MAX_RECONNECT_MS = 250
# librdkafka's defaults: bytes of one fetch, bytes and records that it fetches ahead.
FETCH_KIB = 1_024
QUEUE_KIB = 64 * 1_024
QUEUE_RECORDS = 100_000

UNREACHABLE = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - how confluent_kafka names local errors
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
    }
)
# What the account may not do: another attempt would be refused, too.
FORBIDDEN = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


def client_options(bootstrap: str) -> dict[str, Any]:
    """Return the options of every client: broker, login, short waits, no output on stderr."""
    return {
        **security_of(bootstrap).librdkafka(),
        "bootstrap.servers": bootstrap,
        "socket.connection.setup.timeout.ms": _CONNECT_MS,
        "reconnect.backoff.max.ms": _MAX_RECONNECT_MS,
        "log_level": _LIBRDKAFKA_SILENT,
        "error_cb": _log_error,
    }


def open_consumer(  # noqa: PLR0913 - librdkafka's options that differ between the readers
    bootstrap: str,
    group: str = "spaf-reader",
    *,
    committed: bool = True,
    offset_reset: Literal["error", "earliest"] = "error",
    fetch_kib: int = FETCH_KIB,
    queue_kib: int = QUEUE_KIB,
    queue_records: int = QUEUE_RECORDS,
) -> Consumer:
    """Return a consumer for assigned partitions; it joins no group and commits only when asked.

    Args:
        bootstrap: the broker.
        group: the group whose offsets are read or committed; the API requires a name.
        committed: read only records that count; without it also those of open transactions.
        offset_reset: where to read on if the offset is gone; by default that is an error.
        fetch_kib: most bytes of a partition in one fetch.
        queue_kib: most bytes that are fetched ahead of the reader.
        queue_records: fetch ahead until this many records are queued.

    """
    options = client_options(bootstrap) | {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed" if committed else "read_uncommitted",
        "auto.offset.reset": offset_reset,
        # The broker answers with what it has instead of waiting for more.
        "fetch.wait.max.ms": 10,
        "max.partition.fetch.bytes": fetch_kib * 1_024,
        "fetch.max.bytes": queue_kib * 1_024,
        "queued.max.messages.kbytes": queue_kib,
        "queued.min.messages": queue_records,
        # A full queue is read in less than the second for which fetching would pause by default.
        "fetch.queue.backoff.ms": 5,
    }
    return Consumer(options)


@contextmanager
def kafka_errors(doing: str, bootstrap: str, *, thorough: bool = False) -> Iterator[None]:
    """Raise Kafka's errors inside the block as a TopicError.

    Args:
        doing: begins its message.
        bootstrap: the broker.
        thorough: find out why no broker answers, which takes seconds.

    Raises:
        TopicError: the operation, the broker, the cause, and what to do next.

    """
    try:
        yield
    except KafkaException as failure:
        raise topic_error(doing, bootstrap, failure.args[0], thorough=thorough) from None


def topic_error(
    doing: str, bootstrap: str, error: KafkaError, *, thorough: bool = False
) -> TopicError:
    """Return the TopicError for one of Kafka's errors."""
    refusal = explained(bootstrap, _text(error))
    if error.code() in UNREACHABLE and (thorough or is_secure(bootstrap)):
        refusal = connection_refusal(bootstrap)
    if refusal:
        return refused(doing, bootstrap, refusal)
    if error.code() in UNREACHABLE:
        return UnreachableError(
            f"{doing}: no Kafka broker answers at {bootstrap}.",
            todo="Check that it runs (`spaf status`), or correct SPAF_KAFKA__BOOTSTRAP_SERVERS.",
        )
    return TopicError(
        f"{doing}: Kafka at {bootstrap} answered {error.name()}: {error.str()}",
        todo="See the broker's log (`spaf logs kafka`).",
    )


def refused(doing: str, bootstrap: str, refusal: str) -> TopicError:
    """Return the TopicError for a refusal that `explained` has put in words."""
    return TopicError(
        f"{doing}: Kafka at {bootstrap} refuses SPAF: {refusal}.",
        todo="Correct the settings of [kafka] (SPAF_KAFKA__...) or the rights at the server.",
    )


def connection_refusal(bootstrap: str) -> str:
    """Return why a new connection is refused, in words; a request says only that it timed out.

    Returns:
        Empty if a broker answers, or if none is there.

    """
    errors: list[KafkaError] = []
    options = client_options(bootstrap) | {"group.id": "spaf-reader", "error_cb": errors.append}
    deadline = clock.monotonic() + _DIAGNOSIS_S
    with closing(Consumer(options)) as consumer:
        while clock.monotonic() < deadline:
            with suppress(KafkaException):
                consumer.list_topics(timeout=_DIAGNOSIS_STEP_S)
                return ""
            consumer.poll(0)
            texts = [_text(error) for error in errors]
            refusal = next(filter(None, (explained(bootstrap, text) for text in texts)), "")
            absent = sum(any(sign in text for sign in _ABSENT) for text in texts)
            if refusal or absent > bootstrap.count(","):
                return refusal
    return wrong_protocol(bootstrap)


def _text(error: KafkaError) -> str:
    return f"{error.name()}: {error.str()}"


def _log_error(error: KafkaError) -> None:
    """Log an error that librdkafka reports between calls; it retries by itself."""
    log.debug("kafka client: %s", error)
