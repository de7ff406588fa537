"""The topic itself: is the broker there, create the topic, where it begins and ends."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from spaf import clock
from spaf.errors import MissingError, TopicError
from spaf.topic.client import UNREACHABLE, client_options, explained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# One look at a broker that may still be starting; the caller looks again. Seconds.
READY_SECONDS = 1.0
# A broker that answers at all answers within this, seconds.
ANSWER_SECONDS = 5.0
# Between two looks for a topic just created or offsets just set, seconds.
LISTED_SECONDS = 0.02
# A broker that has just started finds its group coordinator within this, seconds.
COORDINATOR_SECONDS = 20.0
# The limit is one *batch* of a producer, not one sale: Kafka's default, the largest batch that
# clients build unless told otherwise (docs/decisions/0021-a-sale-has-64-kib.md).
MAX_BATCH_BYTES = 1_048_588
# Of the topics that a failure is about, so many are named.
NAMED_TOPICS = 3
# Let the broker choose: one copy on ours, what its owner set on another.
BROKER_DEFAULT_REPLICATION = -1

TOPIC_OPTIONS = {
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "max.message.bytes": str(MAX_BATCH_BYTES),
}
# What a topic of the lab has instead; its times span years, in which it needs no new file a week.
STAMPED_OPTIONS = {
    "message.timestamp.type": "CreateTime",
    "segment.ms": str(2**62),
}


def is_ready(bootstrap: str) -> bool:
    """Return whether a broker answers now."""
    try:
        return bool(admin_client(bootstrap).list_topics(timeout=READY_SECONDS).brokers)
    except KafkaException:
        return False


def ensure_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Create the topic unless it is there; its timestamps must be the broker's append time.

    Raises:
        TopicError: the broker cannot be reached, or the existing topic keeps the clients' times.

    """
    if not _create(bootstrap, topic, partitions, TOPIC_OPTIONS):
        with explained(f"Looking at topic {topic}", bootstrap):
            _check_append_time(admin_client(bootstrap), bootstrap, topic)


def create_stamped_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Create a topic whose append times are those that the producer states, for the lab.

    A bench that states them chooses the moment of each record, and has the same log every time. No
    such topic is ever a run's own: `ensure_topic` refuses it.

    Raises:
        TopicError: the broker cannot be reached, or the topic exists.

    """
    if not _create(bootstrap, topic, partitions, TOPIC_OPTIONS | STAMPED_OPTIONS):
        raise TopicError(f"Topic {topic} at {bootstrap} exists already.", todo="Name another one.")


def _create(bootstrap: str, topic: str, partitions: int, options: Mapping[str, str]) -> bool:
    """Create the topic and return whether it is new."""
    admin = admin_client(bootstrap)
    new = NewTopic(topic, partitions, BROKER_DEFAULT_REPLICATION, config=dict(options))
    created = True
    with explained(f"Creating topic {topic}", bootstrap):
        try:
            admin.create_topics([new], request_timeout=ANSWER_SECONDS)[topic].result()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            created = False
        _wait_listed(admin, topic)
    return created


def partitions(bootstrap: str, topic: str) -> list[int]:
    """Return the numbers of the topic's partitions.

    Raises:
        TopicError: the broker cannot be reached.
        MissingError: it has no such topic.

    """
    with explained(f"Looking for topic {topic}", bootstrap):
        known = admin_client(bootstrap).list_topics(timeout=ANSWER_SECONDS).topics
    if topic not in known:
        raise MissingError(
            f"Kafka at {bootstrap} has no topic {topic}.",
            todo="`spaf up` creates it; check SPAF_KAFKA__TOPIC and SPAF_KAFKA__BOOTSTRAP_SERVERS.",
        )
    return sorted(known[topic].partitions)


def begin_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the first offset that each partition still holds.

    Raises:
        TopicError: the broker cannot be reached, or it has no such topic.

    """
    return _offsets(bootstrap, topic, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the offset that the next record of each partition will get.

    Raises:
        TopicError: the broker cannot be reached, or it has no such topic.

    """
    return _offsets(bootstrap, topic, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def ends_of(
    bootstrap: str,
    parts: Sequence[tuple[str, int]],
    seconds: float = ANSWER_SECONDS,
    *,
    lenient: bool = False,
) -> dict[tuple[str, int], int]:
    """Return the ends of partitions that are known to be there, by topic and number: one question.

    Args:
        bootstrap: the broker.
        parts: topics and numbers of partitions.
        seconds: for how long an answer is waited for.
        lenient: leave out those that cannot be asked now, such as one without a leader.

    Raises:
        TopicError: the broker does not answer, or lacks one of them.

    """
    spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    return _ask(bootstrap, parts, spec, seconds, lenient=lenient)


def begins_of(
    bootstrap: str,
    parts: Sequence[tuple[str, int]],
    seconds: float = ANSWER_SECONDS,
    *,
    lenient: bool = False,
) -> dict[tuple[str, int], int]:
    """Return the first offsets that partitions still hold, as `ends_of` does their ends.

    Raises:
        TopicError: the broker does not answer, or lacks one of them.

    """
    spec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    return _ask(bootstrap, parts, spec, seconds, lenient=lenient)


def at_time(
    bootstrap: str, parts: Sequence[tuple[str, int]], time_ms: int
) -> dict[tuple[str, int], int | None]:
    """Return the first offset at or after a moment (epoch ms); None where all is older.

    Raises:
        TopicError: the broker does not answer, or lacks one of the partitions.

    """
    found = _ask(bootstrap, parts, OffsetSpec.for_timestamp(time_ms), ANSWER_SECONDS)
    return {part: None if offset < 0 else offset for part, offset in found.items()}


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Return the offsets that the group committed; partitions without one are absent.

    Raises:
        TopicError: the broker cannot be reached, or it has no such topic.

    """
    asked = [TopicPartition(topic, number) for number in partitions(bootstrap, topic)]
    with explained(f"Reading the offsets of group {group}", bootstrap):
        found = _member(bootstrap, group).committed(asked, timeout=ANSWER_SECONDS)
    return {part.partition: part.offset for part in found if part.offset >= 0}


def commit(bootstrap: str, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Set the offsets at which the group starts to read.

    A broker that has just started answers before its group coordinator does: the offsets are read
    back, and set again until they are there.

    Raises:
        TopicError: the broker cannot be reached, or the offsets do not stay.

    """
    parts = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
    deadline = clock.monotonic() + COORDINATOR_SECONDS
    while True:
        with suppress(KafkaException):
            _member(bootstrap, group).commit(offsets=parts, asynchronous=False)
        if committed(bootstrap, group, topic) == dict(offsets):
            return
        if clock.monotonic() > deadline:
            raise TopicError(
                f"Kafka at {bootstrap} did not take the start offsets of group {group}.",
                todo=f"Is another reader at work in group {group}? See `spaf logs kafka`.",
            )
        clock.sleep(LISTED_SECONDS)


@cache
def admin_client(bootstrap: str) -> AdminClient:
    """Return this process's one client for the address.

    A client that is dropped with an answer under way never completes it, and one that is dropped
    just after an answer can crash the process (seen with confluent-kafka 2.16.1): its background
    thread is still in the callback. So none is ever dropped; it also spares each look a connection.
    """
    return AdminClient(client_options(bootstrap))


@cache
def _member(bootstrap: str, group: str) -> Consumer:
    """Return a consumer that speaks for the group without joining it.

    The AdminClient's calls for a group's offsets crash the process now and then while the
    broker's coordinator is starting (seen with confluent-kafka 2.16.1); a consumer waits for it.
    """
    options = {"group.id": group, "enable.auto.commit": False}
    return Consumer(client_options(bootstrap) | options)


def _offsets(bootstrap: str, topic: str, spec: OffsetSpec) -> dict[int, int]:
    parts = [(topic, number) for number in partitions(bootstrap, topic)]
    found = _ask(bootstrap, parts, spec, ANSWER_SECONDS)
    return {number: offset for (_, number), offset in found.items()}


def _ask(
    bootstrap: str,
    parts: Sequence[tuple[str, int]],
    spec: OffsetSpec,
    seconds: float,
    *,
    lenient: bool = False,
) -> dict[tuple[str, int], int]:
    topics = ", ".join(sorted({topic for topic, _ in parts})[:NAMED_TOPICS])
    asked = {TopicPartition(topic, number): spec for topic, number in parts}
    with explained(f"Reading the offsets of topic {topics}", bootstrap):
        answer = admin_client(bootstrap).list_offsets(asked, request_timeout=seconds)
        offsets: dict[tuple[str, int], int] = {}
        for part, found in answer.items():
            try:
                offsets[part.topic, part.partition] = found.result().offset
            except KafkaException as failure:
                if not lenient or failure.args[0].code() in UNREACHABLE:
                    raise
        return offsets


def _wait_listed(admin: AdminClient, topic: str) -> None:
    """Wait until the broker lists the topic: it says "created" a moment before it knows it."""
    deadline = clock.monotonic() + ANSWER_SECONDS
    while topic not in admin.list_topics(timeout=ANSWER_SECONDS).topics:
        if clock.monotonic() > deadline:
            raise TopicError(
                f"Kafka created topic {topic} but did not list it within {ANSWER_SECONDS:.0f} s.",
                todo="Try again; if it stays so, see the broker's log (`spaf logs kafka`).",
            )
        clock.sleep(LISTED_SECONDS)


def _check_append_time(admin: AdminClient, bootstrap: str, topic: str) -> None:
    """Refuse a topic whose records carry the clients' clocks: they say nothing about arrival."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    answer = admin.describe_configs([resource], request_timeout=ANSWER_SECONDS)
    kind = answer[resource].result()["message.timestamp.type"].value
    if kind == TOPIC_OPTIONS["message.timestamp.type"]:
        return
    raise TopicError(
        f"Topic {topic} at {bootstrap} has message.timestamp.type={kind}, but arrival must be the "
        "broker's own time (LogAppendTime).",
        todo="Use another topic (SPAF_KAFKA__TOPIC), or change this one, for the records to come:\n"
        f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics "
        f"--entity-name {topic} --add-config message.timestamp.type=LogAppendTime",
    )
