"""Readiness of the broker, creation of the topic, offsets of its partitions and of groups."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import (
    OFFSET_INVALID,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from spaf import clock
from spaf.errors import MissingError, TopicError
from spaf.topic.client import (
    FORBIDDEN,
    UNREACHABLE,
    client_options,
    connection_refusal,
    kafka_errors,
    open_consumer,
    refused,
    topic_error,
)
from spaf.topic.security import is_secure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka import Consumer, Node

# Timeout of one readiness check of a broker that may still be starting; the caller repeats it.
READY_TIMEOUT_S = 1.0
# Timeout of any other request.
REQUEST_TIMEOUT_S = 5.0
# Interval between two checks for a topic just created or for offsets just committed.
POLL_INTERVAL_S = 0.02
# A broker that has just started finds its group coordinator within this.
COORDINATOR_TIMEOUT_S = 20.0
# Kafka's limit for one *batch* of a producer, not for one sale; clients build no larger batch by
# default (docs/decisions/0021-a-sale-has-64-kib.md).
MAX_BATCH_BYTES = 1_048_588
# Topics that an error message names.
MAX_NAMED_TOPICS = 3
# The brokers' own setting: one replica on the one broker that `spaf up` starts.
BROKER_DEFAULT_REPLICATION = -1
MIN_INSYNC = "min.insync.replicas"
# The id of a topic on a broker that gives none, as text.
NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA"

# A partition of a topic that was created just now.
NOT_LED = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
TOPIC_OPTIONS = {
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "max.message.bytes": str(MAX_BATCH_BYTES),
}
# Options of a benchmark's topic. Its timestamps span years, so no new segment begins each week.
STAMPED_OPTIONS = {
    "message.timestamp.type": "CreateTime",
    "segment.ms": str(2**62),
}


def is_ready(bootstrap: str, *, brokers: int = 1, topic: str = "") -> bool:
    """Return whether a broker answers now, and whether it knows enough of the others.

    Args:
        bootstrap: the brokers.
        brokers: how many are needed to create a topic.
        topic: this one; if it is there, one broker is enough.

    """
    try:
        known = admin_client(bootstrap).list_topics(timeout=READY_TIMEOUT_S)
    except KafkaException:
        return False
    return bool(known.brokers) and (len(known.brokers) >= brokers or topic in known.topics)


def require_broker(bootstrap: str) -> None:
    """Check that a broker answers and accepts the account.

    Raises:
        TopicError: no broker answers, or it refuses the connection.

    """
    doing = "Connecting"
    refusal = connection_refusal(bootstrap)
    if refusal:
        raise refused(doing, bootstrap, refusal)
    with kafka_errors(doing, bootstrap):
        admin_client(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S)


def ensure_topic(
    bootstrap: str,
    topic: str,
    partitions: int,
    replication: int | None = None,
    min_insync: int | None = None,
) -> None:
    """Create the topic if it is missing, or check that an existing one will do.

    Its timestamps must be the broker's append time.

    Args:
        bootstrap: the brokers.
        topic: the topic.
        partitions: how many it has at least.
        replication: how many replicas each partition has at least; None: the brokers decide.
        min_insync: how many of them must hold a record that is acknowledged; None: the same.

    Raises:
        TopicError: no broker can be reached, there are fewer brokers than replicas, or the topic
            exists with the clients' timestamps, or with fewer partitions or replicas.

    """
    if is_secure(bootstrap):
        require_broker(bootstrap)
    options = TOPIC_OPTIONS
    if min_insync is not None:
        options = options | {MIN_INSYNC: str(min_insync)}
    if _create(bootstrap, topic, partitions, options, replication):
        return
    present = topic_options(bootstrap, topic)
    _check_append_time(present["message.timestamp.type"], bootstrap, topic)
    known = describe(bootstrap, topic)
    size = TopicSize(len(known.partitions), known.replicas, int(present[MIN_INSYNC]))
    _check_size(size, TopicSize(partitions, replication, min_insync), bootstrap, topic)


def create_stamped_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Create a topic whose timestamps are those of the producer, for a benchmark.

    A benchmark that sets the timestamps writes the same log every time. `ensure_topic` refuses such
    a topic for a run.

    Raises:
        TopicError: the broker cannot be reached, or the topic exists.

    """
    if not _create(bootstrap, topic, partitions, TOPIC_OPTIONS | STAMPED_OPTIONS):
        raise TopicError(f"Topic {topic} at {bootstrap} exists already.", todo="Name another one.")


def _create(
    bootstrap: str,
    topic: str,
    partitions: int,
    options: Mapping[str, str],
    replication: int | None = None,
) -> bool:
    """Create the topic and return whether it is new."""
    admin = admin_client(bootstrap)
    replicas = BROKER_DEFAULT_REPLICATION if replication is None else replication
    new = NewTopic(topic, partitions, replicas, config=dict(options))
    created = True
    with kafka_errors(f"Creating topic {topic}", bootstrap, thorough=True):
        try:
            admin.create_topics([new], request_timeout=REQUEST_TIMEOUT_S)[topic].result()
        except KafkaException as failure:
            code = failure.args[0].code()
            if code == KafkaError.INVALID_REPLICATION_FACTOR and replication is not None:
                raise _too_few_brokers(admin, bootstrap, topic, replication) from None
            if code != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            created = False
        _wait_listed(admin, topic)
        if created:
            _wait_led(admin, topic, partitions)
    return created


def _too_few_brokers(
    admin: AdminClient, bootstrap: str, topic: str, replication: int
) -> TopicError:
    brokers = len(admin.list_topics(timeout=REQUEST_TIMEOUT_S).brokers)
    return TopicError(
        f"Creating topic {topic}: kafka.replication is {replication}, but Kafka at {bootstrap} has "
        f"{brokers} broker(s).",
        todo=f"Start the other brokers, or set SPAF_KAFKA__REPLICATION to {brokers} or less.",
    )


def partitions(bootstrap: str, topic: str) -> list[int]:
    """Return the numbers of the topic's partitions.

    Raises:
        TopicError: the broker cannot be reached.
        MissingError: it has no such topic.

    """
    with kafka_errors(f"Listing the partitions of topic {topic}", bootstrap):
        known = admin_client(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S).topics
    if topic not in known:
        raise _missing(bootstrap, topic)
    return sorted(known[topic].partitions)


class TopicSize(NamedTuple):
    """How large a topic is, by the names of the settings of [kafka]; None: the brokers decide."""

    partitions: int
    replication: int | None
    min_insync: int | None


class TopicDescription(NamedTuple):
    """What a broker says of a topic: which one it is, and which partitions it has."""

    # Kafka's id; a topic that is deleted and created again gets another. "" for a broker without.
    id: str
    partitions: tuple[int, ...]
    # Partitions that can be neither written nor read.
    leaderless: tuple[int, ...]
    # Replicas of the partition that has the fewest.
    replicas: int = 1


def describe(bootstrap: str, topic: str, timeout_s: float = REQUEST_TIMEOUT_S) -> TopicDescription:
    """Return id and partitions of a topic.

    Raises:
        TopicError: the broker cannot be reached.
        MissingError: it has no such topic.

    """
    admin = admin_client(bootstrap)
    with kafka_errors(f"Describing topic {topic}", bootstrap):
        try:
            asked = admin.describe_topics(TopicCollection([topic]), request_timeout=timeout_s)
            answer = asked[topic].result()
        except KafkaException as failure:
            if failure.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise _missing(bootstrap, topic) from None
            raise
    identity = str(answer.topic_id or "")
    return TopicDescription(
        "" if identity == NO_TOPIC_ID else identity,
        tuple(sorted(part.id for part in answer.partitions)),
        tuple(sorted(part.id for part in answer.partitions if _has_no_leader(part.leader))),
        min((len(part.replicas) for part in answer.partitions), default=0),
    )


def topic_options(
    bootstrap: str, topic: str, timeout_s: float = REQUEST_TIMEOUT_S
) -> dict[str, str]:
    """Return the options of a topic, by Kafka's names.

    Raises:
        TopicError: the broker cannot be reached, or has no such topic.

    """
    resource = ConfigResource(ResourceType.TOPIC, topic)
    with kafka_errors(f"Describing topic {topic}", bootstrap):
        answer = admin_client(bootstrap).describe_configs([resource], request_timeout=timeout_s)
        return {name: entry.value for name, entry in answer[resource].result().items()}


def _has_no_leader(leader: Node | None) -> bool:
    return leader is None or leader.id < 0


def _missing(bootstrap: str, topic: str) -> MissingError:
    # A broker lists only the topics that the account may describe.
    rights = ", and the rights of kafka.username" if is_secure(bootstrap) else ""
    return MissingError(
        f"Kafka at {bootstrap} has no topic {topic}.",
        todo="`spaf up` creates it; check SPAF_KAFKA__TOPIC and SPAF_KAFKA__BOOTSTRAP_SERVERS"
        f"{rights}.",
        code="no_topic",
    )


def begin_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the first offset that each partition still holds.

    Raises:
        TopicError: the broker cannot be reached, or it has no such topic.

    """
    return _offsets(bootstrap, topic, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the offset up to which each partition can be read.

    Records of a transaction that is still open, and all after it, cannot: they may still be
    aborted.

    Raises:
        TopicError: the broker cannot be reached, or it has no such topic.

    """
    return _offsets(bootstrap, topic, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def end_offsets_of(
    bootstrap: str,
    parts: Sequence[tuple[str, int]],
    seconds: float = REQUEST_TIMEOUT_S,
    *,
    lenient: bool = False,
    committed: bool = False,
) -> dict[tuple[str, int], int]:
    """Return the end offsets of existing partitions, by topic and number, in one request.

    The end is that of everything appended; with `committed`, that of what can be read.

    Args:
        bootstrap: the broker.
        parts: topics and numbers of partitions.
        seconds: timeout of the request.
        lenient: omit a partition that does not answer, such as one without a leader.
        committed: end before the first record of a transaction that is still open.

    Raises:
        TopicError: the broker does not answer, or lacks one of them.

    """
    spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    return _list_offsets(bootstrap, parts, spec, seconds, lenient=lenient, committed=committed)


def begin_offsets_of(
    bootstrap: str,
    parts: Sequence[tuple[str, int]],
    seconds: float = REQUEST_TIMEOUT_S,
    *,
    lenient: bool = False,
) -> dict[tuple[str, int], int]:
    """Return the first offsets that partitions still hold, as `ends_of` returns their ends.

    Raises:
        TopicError: the broker does not answer, or lacks one of them.

    """
    spec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    return _list_offsets(bootstrap, parts, spec, seconds, lenient=lenient)


def offsets_at_time(
    bootstrap: str, parts: Sequence[tuple[str, int]], time_ms: int
) -> dict[tuple[str, int], int | None]:
    """Return the first offset at or after a time (epoch ms); None where every record is older.

    Raises:
        TopicError: the broker does not answer, or lacks one of the partitions.

    """
    offsets = _list_offsets(bootstrap, parts, OffsetSpec.for_timestamp(time_ms), REQUEST_TIMEOUT_S)
    return {part: None if offset < 0 else offset for part, offset in offsets.items()}


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Return the offsets that the group committed; a partition without one is absent.

    Raises:
        TopicError: the broker cannot be reached, or it has no such topic.

    """
    asked = [TopicPartition(topic, number) for number in partitions(bootstrap, topic)]
    with kafka_errors(f"Reading the offsets of group {group}", bootstrap):
        positions = _group_client(bootstrap, group).committed(asked, timeout=REQUEST_TIMEOUT_S)
    return {part.partition: part.offset for part in positions if part.offset >= 0}


def commit(bootstrap: str, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Commit the offsets at which the group starts to read.

    A broker that has just started answers before its group coordinator does, so the offsets are
    read back, and committed again until they are stored.

    Raises:
        TopicError: the broker cannot be reached, or does not store the offsets.

    """
    if is_secure(bootstrap):
        _require_group(bootstrap, group)
    parts = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
    deadline = clock.monotonic() + COORDINATOR_TIMEOUT_S
    while True:
        try:
            _group_client(bootstrap, group).commit(offsets=parts, asynchronous=False)
        except KafkaException as failure:
            if failure.args[0].code() in FORBIDDEN:
                doing = f"Storing the offsets of group {group}"
                raise topic_error(doing, bootstrap, failure.args[0]) from None
        if committed(bootstrap, group, topic) == dict(offsets):
            return
        if clock.monotonic() > deadline:
            raise TopicError(
                f"Kafka at {bootstrap} did not store the start offsets of group {group}.",
                todo=f"Does another consumer use group {group}? See `spaf logs kafka`.",
            )
        clock.sleep(POLL_INTERVAL_S)


def delete_group(bootstrap: str, group: str) -> None:
    """Delete a consumer group that no job uses any more; one that is gone already is no failure.

    Raises:
        TopicError: the broker cannot be reached, or refuses.

    """
    asked = admin_client(bootstrap).delete_consumer_groups(
        [group], request_timeout=REQUEST_TIMEOUT_S
    )
    with kafka_errors(f"Deleting group {group}", bootstrap):
        try:
            asked[group].result()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise


def _require_group(bootstrap: str, group: str) -> None:
    """Check that the account may use the group: a commit without the right waits for a minute."""
    admin = admin_client(bootstrap)
    asked = admin.describe_consumer_groups([group], request_timeout=REQUEST_TIMEOUT_S)
    try:
        asked[group].result()
    except KafkaException as failure:
        # A group that does not exist yet is created by the commit.
        if failure.args[0].code() in FORBIDDEN:
            raise topic_error(f"Using group {group}", bootstrap, failure.args[0]) from None


@cache
def admin_client(bootstrap: str) -> AdminClient:
    """Return the one admin client of this process for the address.

    A client that is garbage-collected during a request never completes it. One that is collected
    just after an answer can crash the process (seen with confluent-kafka 2.16.1), because its
    background thread is still in the callback. So every client is kept, which also saves a
    connection for each request.
    """
    return AdminClient(client_options(bootstrap))


@cache
def _group_client(bootstrap: str, group: str) -> Consumer:
    """Return a consumer that reads and commits the group's offsets without joining it.

    The AdminClient's calls for a group's offsets sometimes crash the process while the broker's
    coordinator is starting (seen with confluent-kafka 2.16.1); a consumer waits for it.
    """
    return open_consumer(bootstrap, group)


def _offsets(bootstrap: str, topic: str, spec: OffsetSpec) -> dict[int, int]:
    parts = [(topic, number) for number in partitions(bootstrap, topic)]
    offsets = _list_offsets(bootstrap, parts, spec, REQUEST_TIMEOUT_S, committed=True)
    return {number: offset for (_, number), offset in offsets.items()}


def _list_offsets(  # noqa: PLR0913 - the options of the request
    bootstrap: str,
    parts: Sequence[tuple[str, int]],
    spec: OffsetSpec,
    seconds: float,
    *,
    lenient: bool = False,
    committed: bool = False,
) -> dict[tuple[str, int], int]:
    isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    if not parts:
        return {}
    topics = ", ".join(sorted({topic for topic, _ in parts})[:MAX_NAMED_TOPICS])
    asked = {TopicPartition(topic, number): spec for topic, number in parts}
    with kafka_errors(f"Reading the offsets of topic {topics}", bootstrap):
        answer = admin_client(bootstrap).list_offsets(
            asked, request_timeout=seconds, isolation_level=isolation
        )
        offsets: dict[tuple[str, int], int] = {}
        for part, future in answer.items():
            try:
                offset = future.result().offset
            except KafkaException as failure:
                if not lenient or failure.args[0].code() in UNREACHABLE:
                    raise
                continue
            if offset != OFFSET_INVALID:
                offsets[part.topic, part.partition] = offset
            elif not lenient:
                # The client's answer, without an error, while the broker accepts but never answers.
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        return offsets


def _wait_listed(admin: AdminClient, topic: str) -> None:
    """Wait until the broker lists the topic: it answers "created" shortly before that."""
    deadline = clock.monotonic() + REQUEST_TIMEOUT_S
    while topic not in admin.list_topics(timeout=REQUEST_TIMEOUT_S).topics:
        if clock.monotonic() > deadline:
            raise TopicError(
                f"Kafka created topic {topic}, but did not list it in {REQUEST_TIMEOUT_S:.0f} s.",
                todo="Try again; if it stays so, see the broker's log (`spaf logs kafka`).",
            )
        clock.sleep(POLL_INTERVAL_S)


def _wait_led(admin: AdminClient, topic: str, partitions: int) -> None:
    """Wait until each partition of a new topic has a leader: it is listed shortly before that."""
    deadline = clock.monotonic() + REQUEST_TIMEOUT_S
    spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic, number): spec for number in range(partitions)}
    while clock.monotonic() < deadline:
        answer = admin.list_offsets(asked, request_timeout=REQUEST_TIMEOUT_S)
        failures = [future.exception() for future in answer.values()]
        # Another failure, such as a missing right, is that of the request which needs the offsets.
        if not any(failure and failure.args[0].code() in NOT_LED for failure in failures):
            return
        clock.sleep(POLL_INTERVAL_S)


def _check_append_time(kind: str, bootstrap: str, topic: str) -> None:
    """Refuse a topic with the clients' timestamps: they are not the time of arrival."""
    if kind == TOPIC_OPTIONS["message.timestamp.type"]:
        return
    raise TopicError(
        f"Topic {topic} at {bootstrap} has message.timestamp.type={kind}, but arrival must be the "
        "broker's own time (LogAppendTime).",
        todo="Use another topic (SPAF_KAFKA__TOPIC), or change this one, for the records to come:\n"
        f"{_configs_command(bootstrap, topic)} message.timestamp.type=LogAppendTime",
    )


def _check_size(size: TopicSize, least: TopicSize, bootstrap: str, topic: str) -> None:
    """Refuse a topic that is smaller than the settings say."""
    tool = f"--bootstrap-server {bootstrap} --alter --topic {topic}"
    mend = {
        "partitions": f"kafka-topics.sh {tool} --partitions {least.partitions}",
        "replication": f"kafka-reassign-partitions.sh --bootstrap-server {bootstrap} --execute "
        "--reassignment-json-file FILE",
        "min_insync": f"{_configs_command(bootstrap, topic)} {MIN_INSYNC}={least.min_insync}",
    }
    shown = {
        "partitions": f"{size.partitions} partition(s)",
        "replication": f"{size.replication} replica(s) of a partition",
        "min_insync": f"{MIN_INSYNC}={size.min_insync}",
    }
    for name, actual, wanted in zip(TopicSize._fields, size, least, strict=True):
        if wanted is None or actual is None or actual >= wanted:
            continue
        raise TopicError(
            f"Topic {topic} at {bootstrap} has {shown[name]}, but kafka.{name} is {wanted}.",
            todo=f"Set SPAF_KAFKA__{name.upper()} to {actual}, use another topic "
            f"(SPAF_KAFKA__TOPIC), or change this one:\n{mend[name]}",
        )


def _configs_command(bootstrap: str, topic: str) -> str:
    return (
        f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics "
        f"--entity-name {topic} --add-config"
    )
