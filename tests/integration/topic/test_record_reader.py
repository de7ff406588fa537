"""Looking at a real broker: a few records of any topic, its overview, its groups."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined] # public, but not marked so

from spaf import clock
from spaf.errors import MissingError
from spaf.stack.run import Run
from spaf.topic import admin, cluster, record_reader
from tests.support.runs import Own, Send

Name = Callable[[str], str]


def test_records_from_an_offset(own: Own, send: Send) -> None:
    """As many as asked for, from there on; before the first held and behind the end is no error."""
    session = own(2)
    send(session, 1, [str(n).encode() for n in range(300)])
    held = record_reader.held_offsets(session.kafka, session.topic)
    assert held == {0: (0, 0), 1: (0, 300)}
    found = record_reader.from_offsets(session.kafka, session.topic, held, {1: 100}, 50)
    assert [record.offset for record in found] == list(range(100, 150))
    assert found[0].value == b"100"
    last = record_reader.from_offsets(session.kafka, session.topic, held, {1: 290, 0: 0}, 50)
    assert [record.offset for record in last] == list(range(290, 300))
    assert record_reader.from_offsets(session.kafka, session.topic, held, {1: 300, 0: 7}, 50) == []
    assert record_reader.from_offsets(session.kafka, session.topic, held, {1: -5}, 1)[0].offset == 0


def next_ms() -> int:
    """Wait for the next millisecond and return it: what was sent before is older."""
    now = clock.now_ms()
    while clock.now_ms() == now:
        pass
    return now + 1


def test_records_from_a_time_and_the_newest(own: Own, send: Send) -> None:
    """Over all partitions, in the order of their times."""
    session = own(3)
    send(session, 0, [b"old"] * 5)
    cut = next_ms()
    send(session, 2, [b"new0", None])
    next_ms()
    send(session, 1, [b"new1"] * 5)
    held = record_reader.held_offsets(session.kafka, session.topic)
    found = record_reader.from_time(session.kafka, session.topic, held, cut, 4)
    assert [record.value for record in found] == [b"new0", None, b"new1", b"new1"]
    assert record_reader.from_time(session.kafka, session.topic, held, cut + 60_000, 4) == []
    newest = record_reader.newest(session.kafka, session.topic, held, 7)
    assert [record.value for record in newest] == [b"new0", None, *[b"new1"] * 5]
    assert len(record_reader.newest(session.kafka, session.topic, held, 100)) == 12


def test_everything_that_kafka_keeps_is_seen(stack: Run, name: Name) -> None:
    """Key, headers, a value that is no text, and one of 900 kB."""
    topic = name("any")
    admin.ensure_topic(stack.kafka, topic, 1)
    producer = Producer({"bootstrap.servers": stack.kafka})
    headers: list[tuple[str, str | bytes | None]] = [("a", b"\xff"), ("a", None), ("b", b"")]
    producer.produce(topic, b"\x00\xff", key=b"\xfe", headers=headers)
    producer.produce(topic, b"x" * 900_000)
    assert producer.flush(30) == 0
    held = record_reader.held_offsets(stack.kafka, topic)
    first, large = record_reader.from_offsets(stack.kafka, topic, held, {0: 0}, 2)
    assert (first.key, first.value) == (b"\xfe", b"\x00\xff")
    assert first.headers == (("a", b"\xff"), ("a", None), ("b", b""))
    assert len(large.value or b"") == 900_000
    assert record_reader.record_at(stack.kafka, topic, 0, 0) == first
    assert record_reader.record_at(stack.kafka, topic, 0, 1) == large


def test_a_tail_shows_the_newest_and_counts_the_rest(own: Own, send: Send) -> None:
    """Each step has what came since the last one, and fetches no more than it shows."""
    session = own(2)
    send(session, 0, [b"before"])
    with closing(record_reader.TopicTail(session.kafka, session.topic)) as tail:
        assert tail.step(5) == ([], 0)
        send(session, 1, [b"1", b"2"])
        found, skipped = tail.step(5)
        assert ([record.value for record in found], skipped) == ([b"1", b"2"], 0)
        send(session, 0, [str(n).encode() for n in range(1_000)])
        found, skipped = tail.step(5)
        assert [record.value for record in found] == [b"995", b"996", b"997", b"998", b"999"]
        assert skipped == 995
        for n in range(3):
            send(session, 0, [b"again %d" % n])
            assert [record.value for record in tail.step(5)[0]] == [b"again %d" % n]
        assert tail.step(5) == ([], 0)


def test_what_is_not_there_is_named(own: Own) -> None:
    """A missing topic or partition is a sentence."""
    session = own(1)
    with pytest.raises(MissingError, match="no topic nowhere"):
        record_reader.held_offsets(session.kafka, "nowhere")
    with pytest.raises(MissingError, match="has no partition 7"):
        record_reader.held_offsets(session.kafka, session.topic, 7)
    with pytest.raises(MissingError, match="no topic nowhere"):
        cluster.describe_topic(session.kafka, "nowhere")
    with pytest.raises(MissingError, match="holds no offset 0 in partition 0"):
        record_reader.record_at(session.kafka, session.topic, 0, 0)
    with pytest.raises(MissingError, match="no group nobody"):
        cluster.describe_group(session.kafka, "nobody", session.topic)


def test_overview(own: Own, send: Send) -> None:
    """Ours first; records are what the offsets span; the lag is what a group has not read."""
    session = own(2)
    send(session, 0, [b"0"] * 7)
    send(session, 1, [b"1"] * 3)
    admin.commit(session.kafka, session.topic, session.topic, {0: 4, 1: 3})
    found = cluster.overview(session.kafka, session.topic, session.topic)
    assert [broker.controller for broker in found.brokers] == [True]
    assert found.topics[0] == (session.topic, 2, 10, False)
    assert found.groups[0] == (session.topic, "EMPTY", 3)
    internal = [topic.internal for topic in found.topics]
    assert internal == sorted(internal), "Kafka's own come last"
    named = cluster.overview(session.kafka, session.topic, session.topic, session.topic[5:])
    assert [topic.name for topic in named.topics] == [session.topic]


def test_topic_and_group_in_detail(own: Own, send: Send) -> None:
    """Partitions with their offsets and leader, options with ours marked, a group's way."""
    session = own(2)
    send(session, 0, [b"0"] * 7)
    admin.commit(session.kafka, session.topic, session.topic, {0: 4, 1: 0})
    partitions, options = cluster.describe_topic(session.kafka, session.topic)
    assert [(partition.partition, partition.begin, partition.end) for partition in partitions] == [
        (0, 0, 7),
        (1, 0, 0),
    ]
    assert {partition.leader for partition in partitions} == {
        found.id for found in _brokers(session)
    }
    by_name = {option.name: (option.value, option.default) for option in options}
    assert by_name["message.timestamp.type"] == ("LogAppendTime", False)
    assert by_name["compression.type"][1]
    group = cluster.describe_group(session.kafka, session.topic, session.topic)
    assert group.state == "EMPTY"
    assert group.partitions == [(session.topic, 0, 4, 7, 3), (session.topic, 1, 0, 0, 0)]


def test_thousands_of_topics_are_cut(stack: Run, name: Name) -> None:
    """A list holds what fits, and says how many it leaves out."""
    prefix = name("many")
    names = [f"{prefix}-{n}" for n in range(cluster.MAX_TOPICS + 20)]
    made = admin.admin_client(stack.kafka).create_topics([NewTopic(one, 1, 1) for one in names])
    for created in made.values():
        created.result()
    for one in names:
        admin._wait_listed(admin.admin_client(stack.kafka), one)
    found = cluster.overview(stack.kafka, names[7], "none", prefix)
    assert found.topics[0].name == names[7]
    assert (len(found.topics), found.topics_left_out) == (cluster.MAX_TOPICS, 20)
    admin.admin_client(stack.kafka).delete_topics(names)


def _brokers(session: Run) -> list[cluster.Broker]:
    return cluster.overview(session.kafka, session.topic, "none").brokers
