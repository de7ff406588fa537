"""What is known of the topic without a broker: options, errors, empty ranges."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined] # public, but not marked so

from spaf.errors import TopicError
from spaf.topic import admin, producer
from spaf.topic.admin import TOPIC_OPTIONS, end_offsets_of, is_ready
from spaf.topic.client import client_options, kafka_errors
from spaf.topic.producer import open_producer
from spaf.topic.range_reader import read

NOWHERE = "127.0.0.1:1"


def test_arrival_is_the_brokers_time_and_nothing_is_deleted() -> None:
    """Two options of the topic are promises of the architecture."""
    assert TOPIC_OPTIONS["message.timestamp.type"] == "LogAppendTime"
    assert TOPIC_OPTIONS["retention.ms"] == "-1"


def test_no_broker_is_not_ready() -> None:
    """The question ends by itself, without a word on stderr."""
    assert not is_ready(NOWHERE)


def test_librdkafka_keeps_off_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """A producer without a broker tries again in silence."""
    open_producer(NOWHERE, "test").poll(0.3)
    assert capfd.readouterr().err == ""


def test_a_producer_without_a_broker_says_so_by_its_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connecting ends without an error: the delivery reports have it."""
    monkeypatch.setattr(producer, "CONNECT_S", 0.1)
    producer.connect(open_producer(NOWHERE, "test"), "t")


def test_range_without_records_needs_no_broker() -> None:
    """Nothing to read is read at once."""
    assert list(read(NOWHERE, "t", {0: 5}, {0: 5, 1: 0})) == []


def test_unreachable_broker_is_told_with_its_address() -> None:
    """The user reads what was tried, where, and what to check."""
    message = r"Counting: no Kafka broker answers at 127"
    with pytest.raises(TopicError, match=message) as caught, kafka_errors("Counting", NOWHERE):
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))
    assert "SPAF_KAFKA__BOOTSTRAP_SERVERS" in caught.value.todo


def test_other_errors_keep_kafkas_own_name() -> None:
    """What Kafka refused is told in its words."""
    with pytest.raises(TopicError, match="POLICY_VIOLATION"), kafka_errors("Creating", NOWHERE):
        raise KafkaException(KafkaError(KafkaError.POLICY_VIOLATION))


def test_every_client_finds_a_broker_that_comes_back() -> None:
    """The longest pause between attempts is well under a second."""
    assert client_options(NOWHERE)["reconnect.backoff.max.ms"] <= 500


def test_a_broker_that_accepts_and_never_answers_has_no_offsets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client reports offset -1001 without an error then; no caller may count with it."""
    offsets = {0: 5, 1: OFFSET_INVALID}

    def list_offsets(asked: dict[TopicPartition, Any], **_: float) -> dict[Any, Future[Any]]:
        futures: dict[Any, Future[Any]] = {}
        for part in asked:
            futures[part] = Future()
            futures[part].set_result(SimpleNamespace(offset=offsets[part.partition]))
        return futures

    client = SimpleNamespace(list_offsets=list_offsets)
    monkeypatch.setattr(admin, "admin_client", lambda _: client)
    parts = [("t", 0), ("t", 1)]
    with pytest.raises(TopicError, match="no Kafka broker answers at 127"):
        end_offsets_of(NOWHERE, parts)
    assert end_offsets_of(NOWHERE, parts, lenient=True) == {("t", 0): 5}


def test_a_new_topic_is_ready_when_its_partitions_have_leaders() -> None:
    """A broker lists a topic shortly before that, and would refuse to read its offsets."""
    answers: list[Any] = [KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)), None]

    class Broker:
        def list_offsets(self, asked: Any, **_: Any) -> Any:
            future: Future[Any] = Future()
            failure = answers.pop(0)
            if failure is None:
                future.set_result(SimpleNamespace(offset=0))
            else:
                future.set_exception(failure)
            return dict.fromkeys(asked, future)

    admin._wait_led(Broker(), "new", 1)  # type: ignore[arg-type]
    assert answers == []


class FakeBroker:
    """The answers of a cluster of some brokers, which may have the topic `there`."""

    def __init__(self, brokers: int, *, partitions: int = 2, replicas: int = 2) -> None:
        """Keep the sizes."""
        self.brokers, self.partitions, self.replicas = brokers, partitions, replicas
        self.created: list[NewTopic] = []

    def create_topics(self, new: list[NewTopic], **_: Any) -> dict[str, Future[None]]:
        """Refuse a topic that exists, and one with more replicas than there are brokers."""
        future: Future[None] = Future()
        code = None
        if new[0].topic == "there":
            code = KafkaError.TOPIC_ALREADY_EXISTS
        elif new[0].replication_factor > self.brokers:
            code = KafkaError.INVALID_REPLICATION_FACTOR
        if code is None:
            self.created += new
            future.set_result(None)
        else:
            future.set_exception(KafkaException(KafkaError(code)))
        return {new[0].topic: future}

    def list_topics(self, **_: Any) -> Any:
        """Return brokers and topics."""
        topics = ["there", *(topic.topic for topic in self.created)]
        return SimpleNamespace(brokers=dict.fromkeys(range(self.brokers)), topics=topics)

    def list_offsets(self, asked: Any, **_: Any) -> Any:
        """Every partition has a leader."""
        future: Future[Any] = Future()
        future.set_result(SimpleNamespace(offset=0))
        return dict.fromkeys(asked, future)

    def describe_configs(self, asked: Any, **_: Any) -> Any:
        """Return the options of `there`."""
        options = {"message.timestamp.type": "LogAppendTime", "min.insync.replicas": "1"}
        future: Future[Any] = Future()
        future.set_result({k: SimpleNamespace(value=v) for k, v in options.items()})
        return {asked[0]: future}

    def describe_topics(self, _: Any, **__: Any) -> Any:
        """Return the partitions of `there`."""
        part = SimpleNamespace(leader=SimpleNamespace(id=1), replicas=[None] * self.replicas)
        parts = [SimpleNamespace(id=n, **vars(part)) for n in range(self.partitions)]
        future: Future[Any] = Future()
        future.set_result(SimpleNamespace(topic_id=None, partitions=parts))
        return {"there": future}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    """Put a cluster of two brokers in the place of Kafka."""
    fake = FakeBroker(2)
    monkeypatch.setattr(admin, "admin_client", lambda _: fake)
    return fake


def test_a_topic_is_created_with_its_replicas(broker: FakeBroker) -> None:
    """As many as the settings say, and as many that must hold a sale."""
    admin.ensure_topic(NOWHERE, "new", 3, 2, 1)
    admin.ensure_topic(NOWHERE, "new", 3)
    replicated, usual = broker.created
    assert (replicated.num_partitions, replicated.replication_factor) == (3, 2)
    assert replicated.config == TOPIC_OPTIONS | {"min.insync.replicas": "1"}
    assert (usual.replication_factor, usual.config) == (-1, TOPIC_OPTIONS)


@pytest.mark.usefixtures("broker")
def test_cluster_is_ready_once_a_topic_can_be_created() -> None:
    """One that is there needs fewer brokers: another may be away now."""
    assert admin.is_ready(NOWHERE)
    assert admin.is_ready(NOWHERE, brokers=2, topic="missing")
    assert not admin.is_ready(NOWHERE, brokers=3, topic="missing")
    assert admin.is_ready(NOWHERE, brokers=3, topic="there")


@pytest.mark.usefixtures("broker")
def test_more_replicas_than_brokers_are_refused() -> None:
    """With both numbers, and what to do."""
    with pytest.raises(TopicError) as caught:
        admin.ensure_topic(NOWHERE, "new", 1, 3)
    assert caught.value.what == (
        f"Creating topic new: kafka.replication is 3, but Kafka at {NOWHERE} has 2 broker(s)."
    )
    assert "SPAF_KAFKA__REPLICATION to 2 or less" in caught.value.todo


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize(
    ("size", "what", "todo"),
    [
        ((3, None, None), "has 2 partition(s), but kafka.partitions is 3.", "--partitions 3"),
        ((2, 3, None), "has 2 replica(s) of a partition, but kafka.replication is 3.", "reassign"),
        ((1, 2, 2), "has min.insync.replicas=1, but kafka.min_insync is 2.", "replicas=2"),
    ],
)
def test_a_topic_that_is_smaller_than_the_settings_say_is_refused(
    size: tuple[int, int | None, int | None], what: str, todo: str
) -> None:
    """Otherwise the settings would have no effect, silently."""
    with pytest.raises(TopicError) as caught:
        admin.ensure_topic(NOWHERE, "there", *size)
    assert caught.value.what == f"Topic there at {NOWHERE} {what}"
    assert todo in caught.value.todo


@pytest.mark.usefixtures("broker")
def test_a_topic_that_is_large_enough_is_left_alone() -> None:
    """Also with more of everything."""
    admin.ensure_topic(NOWHERE, "there", 1, 1, 1)
    admin.ensure_topic(NOWHERE, "there", 2, 2)
