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
    with kafka_errors("Listing topics and groups", bootstrap):
        known = admin_client(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S)
        listing = admin_client(bootstrap).list_consumer_groups(request_timeout=REQUEST_TIMEOUT_S)
        groups = listing.result().valid or []
    topics = sorted(
        (item for item in known.topics.items() if contains in item[0]),
        key=lambda item: (item[0] != ours, item[0].startswith(INTERNAL), item[0]),
    )
    shown = topics[:MAX_TOPICS]
    records = _records(bootstrap, shown)
    matching = sorted(
        ((entry.group_id, entry.state.name) for entry in groups if contains in entry.group_id),
        key=lambda item: (item[0] != group, item),
    )
    lags = {name: _lag(bootstrap, name, known, ours) for name, _ in matching[:MAX_LAGS]}
    return Cluster(
        brokers(known),
        [
            Topic(name, len(topic.partitions), records.get(name), name.startswith(INTERNAL))
            for name, topic in shown
        ],
        [ConsumerGroup(name, state, lags.get(name)) for name, state in matching[:MAX_GROUPS]],
        len(topics) - len(shown),
        max(0, len(matching) - MAX_GROUPS),
    )


def brokers(known: ClusterMetadata) -> list[Broker]:
    """Return the brokers of the cluster."""
    return [
        Broker(broker.id, f"{broker.host}:{broker.port}", broker.id == known.controller_id)
        for broker in sorted(known.brokers.values(), key=lambda broker: broker.id)
    ]


def describe_topic(bootstrap: str, name: str) -> tuple[list[Partition], list[ConfigEntry]]:
    """Return a topic's partitions, the first few hundred, and its options.

    Raises:
        TopicError: the broker does not answer.
        MissingError: it has no such topic.

    """
    resource = ConfigResource(ResourceType.TOPIC, name)
    with kafka_errors(f"Describing topic {name}", bootstrap):
        known = admin_client(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S).topics
        if name not in known:
            raise MissingError(f"Kafka at {bootstrap} has no topic {name}.", code="no_topic")
        asked = admin_client(bootstrap).describe_configs(
            [resource], request_timeout=REQUEST_TIMEOUT_S
        )
        options = asked[resource].result()
    parts = [(name, number) for number in sorted(known[name].partitions)[:MAX_PARTITIONS]]
    begins = begin_offsets_of(bootstrap, parts, lenient=True)
    ends = end_offsets_of(bootstrap, parts, lenient=True)
    leaders = {number: part.leader for number, part in known[name].partitions.items()}
    return (
        [Partition(part[1], begins.get(part), ends.get(part), leaders[part[1]]) for part in parts],
        [
            ConfigEntry(
                option.name, None if option.is_sensitive else option.value, option.is_default
            )
            for option in sorted(
                options.values(), key=lambda option: (option.is_default, option.name)
            )
        ],
    )


def describe_group(bootstrap: str, name: str, ours: str) -> ConsumerGroupDetail:
    """Return a group in detail; `ours` is the topic whose offsets are asked for first.

    Raises:
        TopicError: the broker does not answer.
        MissingError: it has no such group.

    """
    admin = admin_client(bootstrap)
    with kafka_errors(f"Describing group {name}", bootstrap):
        known = admin.list_topics(timeout=REQUEST_TIMEOUT_S)
        asked = admin.describe_consumer_groups([name], request_timeout=REQUEST_TIMEOUT_S)
        description: ConsumerGroupDescription = asked[name].result()
    read = [part for member in description.members for part in _assigned(member)]
    offsets = committed(bootstrap, name, _candidates(known, [ours, *(t for t, _ in read)]))
    if not offsets and not description.members and description.state.name in ("DEAD", "UNKNOWN"):
        raise MissingError(f"Kafka at {bootstrap} has no group {name}.", code="no_group")
    return ConsumerGroupDetail(
        name, description.state.name, [_member(member) for member in description.members], offsets
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
    positions = {(p.topic, p.partition): p.offset for p in answer if p.offset >= 0}
    ends = end_offsets_of(bootstrap, list(positions), lenient=True) if positions else {}
    return [
        CommittedOffset(*part, offset, ends[part], max(0, ends[part] - offset))
        for part, offset in sorted(positions.items())
        if part in ends
    ]


def _records(bootstrap: str, topics: list[tuple[str, TopicMetadata]]) -> dict[str, int]:
    """Return the number of offsets of each topic, for the first topics that fit in one request.

    A topic with a partition that does not answer, such as one without a leader, is left out.
    """
    parts: list[Part] = []
    for name, topic in topics:
        if len(parts) + len(topic.partitions) <= MAX_PARTITIONS:
            parts += [(name, number) for number in topic.partitions]
    if not parts:
        return {}
    begins = begin_offsets_of(bootstrap, parts, lenient=True)
    ends = end_offsets_of(bootstrap, parts, lenient=True)
    unknown = {part[0] for part in parts if part not in begins or part not in ends}
    records: dict[str, int] = {}
    for part in (part for part in parts if part[0] not in unknown):
        records[part[0]] = records.get(part[0], 0) + ends[part] - begins[part]
    return records


def _lag(bootstrap: str, name: str, known: ClusterMetadata, ours: str) -> int | None:
    offsets = committed(bootstrap, name, _candidates(known, [ours]))
    return sum(offset.lag for offset in offsets) if offsets else None


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
