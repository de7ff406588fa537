"""What of the topic can be told without a broker: options, errors, empty ranges."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from spaf.errors import TopicError
from spaf.topic import admin
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
    producer = open_producer(NOWHERE, "test")
    producer.poll(0.3)
    assert capfd.readouterr().err == ""


def test_range_without_records_needs_no_broker() -> None:
    """Nothing to read is read at once."""
    assert list(read(NOWHERE, "t", {0: 5}, {0: 5, 1: 0})) == []


def test_unreachable_broker_is_told_with_its_address() -> None:
    """The user reads what was tried, where, and what to check."""
    told = r"Counting: no Kafka broker answers at 127"
    with pytest.raises(TopicError, match=told) as caught, kafka_errors("Counting", NOWHERE):
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
