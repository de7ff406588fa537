"""Overview of a broker: topics, their partitions and options, groups and their offsets.

A broker of the user's own may have thousands of each: lists have a limit, and state how many
entries are left out.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    ConfigResource,
    ConsumerGroupDescription,
    ResourceType,
)

from spaf.errors import MissingError
from spaf.topic.admin import REQUEST_TIMEOUT_S, admin_client, begin_offsets_of, end_offsets_of
from spaf.topic.client import kafka_errors, open_consumer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
        ClusterMetadata,
        TopicMetadata,
    )

# Entries of one response.
MAX_TOPICS = 100
MAX_GROUPS = 50
# Groups whose lag the list states, SPAF's first: each needs a request of its own.
MAX_LAGS = 5
# Partitions whose offsets one request asks for.
MAX_PARTITIONS = 500
# Prefix of Kafka's internal topics.
INTERNAL = "__"

Part = tuple[str, int]


class Broker(NamedTuple):
    """One broker."""

    id: int
    address: str
    controller: bool


class Topic(NamedTuple):
    """One topic; `records` is the number of offsets that it spans, None if not requested."""

    name: str
    partitions: int
    records: int | None
    internal: bool


class ConsumerGroup(NamedTuple):
    """One consumer group; `lag` is None if it was not requested or nothing was committed."""

    name: str
    state: str
    lag: int | None


class Cluster(NamedTuple):
    """The overview of a broker; the last two are the numbers of entries that are left out."""

    brokers: list[Broker]
    topics: list[Topic]
    groups: list[ConsumerGroup]
    topics_left_out: int
    groups_left_out: int


class Partition(NamedTuple):
    """One partition; without a leader its `leader` is -1 and its offsets are unknown."""

    partition: int
    begin: int | None
    end: int | None
    leader: int


class ConfigEntry(NamedTuple):
    """One option of a topic; `default` is true if it was not set. A secret has no value."""

    name: str
    value: str | None
    default: bool


class CommittedOffset(NamedTuple):
    """The position of a group in one partition."""

    topic: str
    partition: int
    committed: int
    end: int
    lag: int


class Member(NamedTuple):
    """One member of a group and its first partitions, each as `topic:partition`."""

    client: str
    host: str
    partitions: list[str]


class ConsumerGroupDetail(NamedTuple):
    """A group in detail."""

    name: str
    state: str
    members: list[Member]
    partitions: list[CommittedOffset]


def overview(bootstrap: str, ours: str, group: str, contains: str = "") -> Cluster:
    """Return topics and groups of the broker whose name contains a text; SPAF's own first.

    Raises:
        TopicError: the broker does not answer.

    """
    with kafka_errors("Looking at the broker", bootstrap):
        known = admin_client(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S)
        listing = admin_client(bootstrap).list_consumer_groups(request_timeout=REQUEST_TIMEOUT_S)
        groups = listing.result().valid or []
    topics = sorted(
        (one for one in known.topics.items() if contains in one[0]),
        key=lambda one: (one[0] != ours, one[0].startswith(INTERNAL), one[0]),
    )
    shown = topics[:MAX_TOPICS]
    records = _records(bootstrap, shown)
    found = sorted(
        ((one.group_id, one.state.name) for one in groups if contains in one.group_id),
        key=lambda one: (one[0] != group, one),
    )
    lags = {name: _lag(bootstrap, name, known, ours) for name, _ in found[:MAX_LAGS]}
    return Cluster(
        brokers(known),
        [
            Topic(name, len(one.partitions), records.get(name), name.startswith(INTERNAL))
            for name, one in shown
        ],
        [ConsumerGroup(name, state, lags.get(name)) for name, state in found[:MAX_GROUPS]],
        len(topics) - len(shown),
        max(0, len(found) - MAX_GROUPS),
    )


def brokers(known: ClusterMetadata) -> list[Broker]:
    """Return the brokers of the cluster."""
    return [
        Broker(one.id, f"{one.host}:{one.port}", one.id == known.controller_id)
        for one in sorted(known.brokers.values(), key=lambda one: one.id)
    ]


def describe_topic(bootstrap: str, name: str) -> tuple[list[Partition], list[ConfigEntry]]:
    """Return a topic's partitions, the first few hundred, and its options.

    Raises:
        TopicError: the broker does not answer.
        MissingError: it has no such topic.

    """
    resource = ConfigResource(ResourceType.TOPIC, name)
    with kafka_errors(f"Looking at topic {name}", bootstrap):
        known = admin_client(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S).topics
        if name not in known:
            raise MissingError(f"Kafka at {bootstrap} has no topic {name}.")
        asked = admin_client(bootstrap).describe_configs(
            [resource], request_timeout=REQUEST_TIMEOUT_S
        )
        options = asked[resource].result()
    parts = [(name, number) for number in sorted(known[name].partitions)[:MAX_PARTITIONS]]
    begins = begin_offsets_of(bootstrap, parts, lenient=True)
    ends = end_offsets_of(bootstrap, parts, lenient=True)
    leaders = {number: one.leader for number, one in known[name].partitions.items()}
    return (
        [Partition(part[1], begins.get(part), ends.get(part), leaders[part[1]]) for part in parts],
        [
            ConfigEntry(one.name, None if one.is_sensitive else one.value, one.is_default)
            for one in sorted(options.values(), key=lambda one: (one.is_default, one.name))
        ],
    )


def describe_group(bootstrap: str, name: str, ours: str) -> ConsumerGroupDetail:
    """Return a group in detail; `ours` is the topic whose offsets are asked for first.

    Raises:
        TopicError: the broker does not answer.
        MissingError: it has no such group.

    """
    admin = admin_client(bootstrap)
    with kafka_errors(f"Looking at group {name}", bootstrap):
        known = admin.list_topics(timeout=REQUEST_TIMEOUT_S)
        asked = admin.describe_consumer_groups([name], request_timeout=REQUEST_TIMEOUT_S)
        found: ConsumerGroupDescription = asked[name].result()
    read = [part for one in found.members for part in _assigned(one)]
    offsets = committed(bootstrap, name, _candidates(known, [ours, *(t for t, _ in read)]))
    if not offsets and not found.members and found.state.name in ("DEAD", "UNKNOWN"):
        raise MissingError(f"Kafka at {bootstrap} has no group {name}.")
    return ConsumerGroupDetail(
        name, found.state.name, [_member(one) for one in found.members], offsets
    )


def committed(bootstrap: str, name: str, parts: Iterable[Part]) -> list[CommittedOffset]:
    """Return the positions of a group in the partitions in which it has committed.

    Raises:
        TopicError: the broker does not answer.

    """
    asked = [TopicPartition(*part) for part in parts]
    # A consumer: the AdminClient crashed the process while a coordinator was starting.
    with (
        kafka_errors(f"Reading the offsets of group {name}", bootstrap),
        closing(open_consumer(bootstrap, name)) as consumer,
    ):
        answer = consumer.committed(asked, timeout=REQUEST_TIMEOUT_S)
    found = {(one.topic, one.partition): one.offset for one in answer if one.offset >= 0}
    ends = end_offsets_of(bootstrap, list(found), lenient=True) if found else {}
    return [
        CommittedOffset(*part, offset, ends[part], max(0, ends[part] - offset))
        for part, offset in sorted(found.items())
        if part in ends
    ]


def _records(bootstrap: str, topics: list[tuple[str, TopicMetadata]]) -> dict[str, int]:
    """Return the number of offsets of each topic, for the first topics that fit in one request.

    A topic with a partition that does not answer, such as one without a leader, is left out.
    """
    parts: list[Part] = []
    for name, one in topics:
        if len(parts) + len(one.partitions) <= MAX_PARTITIONS:
            parts += [(name, number) for number in one.partitions]
    if not parts:
        return {}
    begins = begin_offsets_of(bootstrap, parts, lenient=True)
    ends = end_offsets_of(bootstrap, parts, lenient=True)
    unknown = {part[0] for part in parts if part not in begins or part not in ends}
    found: dict[str, int] = {}
    for part in (part for part in parts if part[0] not in unknown):
        found[part[0]] = found.get(part[0], 0) + ends[part] - begins[part]
    return found


def _lag(bootstrap: str, name: str, known: ClusterMetadata, ours: str) -> int | None:
    found = committed(bootstrap, name, _candidates(known, [ours]))
    return sum(one.lag for one in found) if found else None


def _candidates(known: ClusterMetadata, first: Iterable[str]) -> list[Part]:
    """Return partitions in which a group may have committed: those of some topics, then others."""
    order = [*dict.fromkeys(name for name in first if name in known.topics)]
    order += sorted(n for n in known.topics if n not in order and not n.startswith(INTERNAL))
    parts = [(name, number) for name in order for number in known.topics[name].partitions]
    return parts[:MAX_PARTITIONS]


def _assigned(member: object) -> list[Part]:
    assignment = getattr(member, "assignment", None)
    return [(p.topic, p.partition) for p in getattr(assignment, "topic_partitions", None) or []]


def _member(member: object) -> Member:
    parts = [f"{name}:{number}" for name, number in _assigned(member)]
    return Member(
        str(getattr(member, "client_id", "")), str(getattr(member, "host", "")), parts[:MAX_GROUPS]
    )
