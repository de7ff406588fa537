"""The topic on a real broker: creation, offsets, reading a range."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined] # public, but not marked so

from spaf import clock
from spaf.errors import TopicError
from spaf.stack.run import Run
from spaf.topic import admin
from spaf.topic.producer import open_producer
from spaf.topic.range_reader import read
from tests.support.runs import Own, Send

Name = Callable[[str], str]
# Keys of the sales that are sent over several partitions.
KEYS = 20
# The largest sale of the contract, bytes.
SALE_BYTES = 64 * 1024


def test_ensuring_a_topic_twice_changes_nothing(own: Own, send: Send) -> None:
    """The second call neither fails nor touches partitions or records."""
    session = own(2)
    send(session, 1, [b"kept"])
    admin.ensure_topic(session.kafka, session.topic, 1, 1, 1)
    assert admin.partitions(session.kafka, session.topic) == [0, 1]
    assert session.end_offsets() == {0: 0, 1: 1}


def test_a_topic_with_the_clients_times_is_refused(stack: Run, name: Name) -> None:
    """A topic whose records carry CreateTime is refused with the command that changes it."""
    topic = name("create_time")
    new = NewTopic(topic, 1, 1, config={"message.timestamp.type": "CreateTime"})
    admin.admin_client(stack.kafka).create_topics([new])[topic].result()
    with pytest.raises(TopicError) as failure:
        admin.ensure_topic(stack.kafka, topic, 1)
    assert "CreateTime" in failure.value.what
    assert "kafka-configs.sh" in failure.value.todo
    assert f"--entity-name {topic}" in failure.value.todo
    assert "--add-config message.timestamp.type=LogAppendTime" in failure.value.todo


def test_a_topic_that_cannot_be_as_large_as_the_settings_say_is_refused(
    own: Own, name: Name
) -> None:
    """The broker's own words for it become the sentence with the setting."""
    session = own(2)
    with pytest.raises(TopicError, match=r"has 2 partition\(s\), but kafka\.partitions is 5"):
        admin.ensure_topic(session.kafka, session.topic, 5)
    with pytest.raises(TopicError, match=r"has 1 replica\(s\) .* kafka\.replication is 2"):
        admin.ensure_topic(session.kafka, session.topic, 2, 2)
    with pytest.raises(TopicError, match=r"kafka\.replication is 3, but .* has 1 broker\(s\)"):
        admin.ensure_topic(session.kafka, name("many"), 1, 3, 2)


def test_sales_of_one_key_stay_in_order_over_several_partitions(own: Own) -> None:
    """Each key has one partition, every partition has keys, and each key its records in order."""
    session = own(3)
    producer = open_producer(session.kafka, "keyed")
    for number in range(4_000):
        producer.produce(session.topic, str(number).encode(), key=str(number % KEYS).encode())
    assert producer.flush(30) == 0
    parts: dict[int, set[int]] = defaultdict(set)
    found: dict[int, list[int]] = defaultdict(list)
    for record in read(session.kafka, session.topic, {}, session.end_offsets()):
        assert record.value is not None
        number = int(record.value)
        parts[number % KEYS].add(record.partition)
        found[number % KEYS].append(number)
    assert {len(of_key) for of_key in parts.values()} == {1}
    assert set.union(*parts.values()) == {0, 1, 2}
    assert found == {key: list(range(key, 4_000, KEYS)) for key in range(KEYS)}


def test_a_record_may_follow_its_topic_at_once(stack: Run, name: Name) -> None:
    """A topic that is said to be there takes a record from a producer that knows nothing of it."""
    topic = name("at_once")
    before = clock.now_ms()
    admin.ensure_topic(stack.kafka, topic, 1)
    refused: list[object] = []
    producer = open_producer(stack.kafka, "at-once")
    producer.produce(topic, b"1", timestamp=1, on_delivery=lambda error, _: refused.append(error))
    assert producer.flush(30) == 0
    assert refused == [None]
    (record,) = read(stack.kafka, topic, {}, admin.end_offsets(stack.kafka, topic))
    assert before <= record.append_ms <= clock.now_ms(), "not the broker's time"


def test_a_range_is_read_whole_and_in_order(own: Own, send: Send) -> None:
    """Each partition comes in offset order from its start to its end; a tombstone is None."""
    session = own(3)
    send(session, 0, [b"a0", None, b"", b"a3"])
    send(session, 2, [json.dumps(n).encode() for n in range(500)])
    found = list(read(session.kafka, session.topic, {0: 1, 2: 100}, {0: 4, 1: 0, 2: 450}))
    first = [(r.offset, r.value) for r in found if r.partition == 0]
    assert first == [(1, None), (2, b""), (3, b"a3")]
    third = [(r.offset, r.value) for r in found if r.partition == 2]
    assert third == [(n, str(n).encode()) for n in range(100, 450)]
    assert len(found) == 353


def test_a_sale_of_64_kib_is_taken(own: Own, send: Send, stack: Run) -> None:
    """The largest that the contract promises to take; our own producer sends nothing larger."""
    session = own(1)
    send(session, 0, [b"x" * SALE_BYTES] * 5)
    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"):
        open_producer(stack.kafka, "ours").produce(session.topic, b"x" * 500_000)
    assert session.end_offsets() == {0: 5}


def test_a_backlog_of_another_producer_is_counted(own: Own, stack: Run) -> None:
    """Sales that waited leave in batches of up to 1 MB, and none is refused for its company."""
    session = own(1)
    producer = Producer({"bootstrap.servers": stack.kafka, "linger.ms": 200})
    for _ in range(20_000):
        producer.produce(session.topic, b"x" * 300)
    assert producer.flush(30) == 0
    assert session.end_offsets() == {0: 20_000}


def test_a_missing_topic_is_named(stack: Run) -> None:
    """Reading a topic that is not there fails with its name and what to do, and at once."""
    with pytest.raises(TopicError, match="no topic nowhere") as failure:
        list(read(stack.kafka, "nowhere", {}, {0: 1}))
    assert "spaf up" in failure.value.todo


def test_a_deleted_offset_is_an_error(own: Own, send: Send) -> None:
    """A wanted offset that the broker no longer holds is never skipped in silence."""
    session = own(1)
    send(session, 0, [b"0", b"1", b"2", b"3"])
    gone = TopicPartition(session.topic, 0, 2)
    admin.admin_client(session.kafka).delete_records([gone])[gone].result()
    assert admin.begin_offsets(session.kafka, session.topic) == {0: 2}
    with pytest.raises(TopicError, match="does not hold offset 1 of partition 0"):
        list(read(session.kafka, session.topic, {0: 1}, {0: 4}))
    assert [r.offset for r in read(session.kafka, session.topic, {0: 2}, {0: 4})] == [2, 3]


def test_offsets_of_a_group(own: Own, send: Send) -> None:
    """A group that never committed has no offsets; what is committed is what is there."""
    session = own(2)
    send(session, 0, [b"0", b"1"])
    assert admin.committed(session.kafka, session.topic, session.topic) == {}
    for offsets in ({0: 0, 1: 0}, {0: 2, 1: 0}):
        admin.commit(session.kafka, session.topic, session.topic, offsets)
        assert admin.committed(session.kafka, session.topic, session.topic) == offsets
    assert admin.committed(session.kafka, "another", session.topic) == {}
