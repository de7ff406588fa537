"""The Kafka view and the record view over a real broker and real tables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from spaf import clock
from spaf.serve.app import build
from spaf.serve.records import kafka_view
from spaf.serve.records.tail import _events, tails
from spaf.serve.run_info import RunInfo
from spaf.stack.run import Run
from spaf.store.access import Role
from spaf.topic import admin
from spaf.topic.record_reader import TopicTail
from tests.support.runs import Own, Send

Get = Callable[..., Any]
PORT = 18_081
HOSTILE = '<img src=x onerror=alert(1)></script>\u202e"\x00'.encode()


@pytest.fixture
def get(run_info: Callable[..., RunInfo]) -> Get:
    """Return what gets the JSON of an answer of the application, which needs no network for it."""

    def get_json(session: Run, path: str, status: int = 200, **parameters: Any) -> Any:
        app = build(run_info(session), PORT, "token")

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            address = f"http://127.0.0.1:{PORT}"
            async with httpx.AsyncClient(transport=transport, base_url=address) as client:
                return await client.get(path, params=parameters)

        found = asyncio.run(send())
        assert found.status_code == status, found.text
        return found.json()

    return get_json


def sale(**fields: Any) -> bytes:
    """Return a sale of now."""
    plain = {
        "productId": "p1",
        "productCategory": "toys",
        "productPrice": 12.5,
        "productQuantity": 2,
        "transactionId": "t",
    }
    return json.dumps(plain | fields).encode()


def test_one_record_and_what_the_contract_says(get: Get, own: Own, send: Send) -> None:
    """An accepted sale, a late one, a refused one, an array, bytes and nothing at all."""
    session = own(1)
    late = sale(eventTime=clock.now_ms() - 3_600_000)
    array = b"[" + sale() + b"," + sale(productPrice=-1) + b"]"
    send(session, 0, [sale(), late, sale(productPrice=-1), array, b"\xff\x00", None, HOSTILE])
    found = [get(session, "/api/record", partition=0, offset=n) for n in range(7)]
    answered = [[outcome["outcome"] for outcome in record["outcomes"]] for record in found]
    assert answered[:4] == [["accepted"], ["late"], ["rejected"], ["accepted", "rejected"]]
    assert answered[4:] == [["rejected"]] * 3
    (accepted,) = found[0]["outcomes"]
    assert (accepted["category"], accepted["cents"], accepted["currency"]) == (
        "toys",
        "2500",
        "BRL",
    )
    assert '"productPrice": 12.5' in found[0]["json"]
    assert found[1]["outcomes"][0]["lateness_ms"] == pytest.approx(3_600_000, abs=60_000)
    assert "productPrice must be" in found[2]["outcomes"][0]["explanation"]
    assert (found[4]["text"], found[4]["hex"], found[4]["bytes"]) == (None, "ff 00", 2)
    assert (found[5]["text"], found[5]["hex"], found[5]["bytes"]) == (None, None, 0)
    assert found[6]["text"].encode() == HOSTILE
    assert abs(found[0]["append_ms"] - clock.now_ms()) < 60_000


def test_a_record_that_is_not_there(get: Get, own: Own) -> None:
    """404, with what the topic holds instead."""
    session = own(1)
    assert "no offset 0" in get(session, "/api/record", 404, partition=0, offset=0)["error"]
    assert "no partition 9" in get(session, "/api/record", 404, partition=9, offset=0)["error"]


def test_messages(get: Get, own: Own, send: Send) -> None:
    """From an offset, from a time, the newest; begin and end tell what there is."""
    session = own(2)
    send(session, 0, [b'{"n": %d}' % n for n in range(10)])
    path, topic = "/api/kafka/messages", session.topic
    found = get(session, path, topic=topic, partition=0, offset=4, limit=3)
    assert [one["text"] for one in found["messages"]] == ['{"n": 4}', '{"n": 5}', '{"n": 6}']
    assert found["messages"][0]["json"] == '{\n  "n": 4\n}'
    assert (found["begin"], found["end"]) == (0, 10)
    newest = get(session, path, topic=topic, last=2)
    assert [one["offset"] for one in newest["messages"]] == [8, 9]
    assert newest["partitions"] == {"0": {"begin": 0, "end": 10}, "1": {"begin": 0, "end": 0}}
    moment = found["messages"][0]["append_ms"]
    since = get(session, path, topic=topic, time_ms=moment, limit=1)
    assert since["messages"][0]["append_ms"] >= moment
    assert get(session, path, topic=topic, time_ms=clock.now_ms() + 60_000)["messages"] == []
    assert "needs one" in get(session, path, 400, topic=topic, offset=1)["error"]
    assert "no topic nowhere" in get(session, path, 404, topic="nowhere")["error"]
    assert "no partition 2" in get(session, path, 404, topic=topic, partition=2)["error"]


def test_overview_topic_and_group(get: Get, own: Own, send: Send) -> None:
    """What the pages of a Kafka UI show."""
    session = own(1)
    send(session, 0, [b"1", b"2"])
    admin.commit(session.kafka, session.topic, session.topic, {0: 1})
    found = get(session, "/api/kafka")
    assert found["topics"][0] == {
        "name": session.topic,
        "partitions": 1,
        "records": 2,
        "internal": False,
    }
    assert found["groups"][0] == {"name": session.topic, "state": "EMPTY", "lag": 1}
    assert found["topics_left_out"] >= 0
    topic = get(session, f"/api/kafka/topics/{session.topic}")
    assert topic["partitions"][0] | {"leader": 0} == {
        "partition": 0,
        "begin": 0,
        "end": 2,
        "leader": 0,
    }
    assert {"name": "cleanup.policy", "value": "delete", "default": False} in topic["config"]
    group = get(session, f"/api/kafka/groups/{session.topic}")
    assert group["partitions"][0]["lag"] == 1
    assert "no topic nowhere" in get(session, "/api/kafka/topics/nowhere", 404)["error"]
    assert "no group nobody" in get(session, "/api/kafka/groups/nobody", 404)["error"]


def test_no_more_requests_at_once_than_there_are_places(get: Get, own: Own) -> None:
    """One more is refused with Retry-After."""
    session = own(1)
    taken = 0
    try:
        while taken < 4:
            kafka_view._requests.acquire()
            taken += 1
        assert "at once" in get(session, "/api/kafka", 429)["error"]
    finally:
        for _ in range(taken):
            kafka_view._requests.release()
    get(session, "/api/kafka")


def test_a_live_tail(own: Own, send: Send) -> None:
    """Events as records come, the newest of many, and how many were left out."""
    session = own(1)

    async def follow() -> list[bytes]:
        opened = await asyncio.to_thread(TopicTail, session.kafka, session.topic)
        events = _events(opened, asyncio.Event())
        found = [await anext(events)]
        await asyncio.to_thread(send, session, 0, [HOSTILE])
        found.append(await anext(events))
        await asyncio.to_thread(send, session, 0, [b"%d" % n for n in range(50)])
        found.append(await anext(events))
        await asyncio.to_thread(opened.close)
        return found

    nothing, one, many = asyncio.run(follow())
    assert nothing == b": nothing new\n\n"
    assert one.startswith(b"event: messages\ndata: {")
    assert one.count(b"\n") == 3, "a line break of a record must not end the event"
    assert json.loads(one.split(b"data: ")[1])["messages"][0]["text"].encode() == HOSTILE
    answered = json.loads(many.split(b"data: ")[1])
    assert [record["text"] for record in answered["messages"]] == ["45", "46", "47", "48", "49"]
    assert answered["skipped"] == 45


def test_a_fifth_tail_is_refused_and_a_missing_topic_keeps_no_place(get: Get, own: Own) -> None:
    """Places are given back however it ends."""
    session = own(1)
    for _ in range(6):
        assert "no topic nowhere" in get(session, "/api/kafka/tail", 404, topic="nowhere")["error"]
    for _ in range(4):
        tails.acquire()
    try:
        assert "live tails" in get(session, "/api/kafka/tail", 429, topic=session.topic)["error"]
    finally:
        for _ in range(4):
            tails.release()


def test_quarantine_pages(get: Get, own: Own) -> None:
    """Newest first, by reason, and on with the cursor until there is no more."""
    session = own(1)
    with session.access.connect(Role.SINK, autocommit=True) as sink:
        for n in range(25):
            sink.execute(
                "INSERT INTO quarantine (kafka_partition, kafka_offset, append_time, reason, "
                "payload, payload_bytes, category, currency, amount, lateness_ms) VALUES "
                "(0, %s, to_timestamp(%s), %s, %s, %s, %s, %s, %s, %s)",
                [n, 1_795_000_000 + n // 4, *_row(n)],
            )
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        found = get(session, "/api/quarantine", limit=10, **cursor)
        seen += [row["offset"] for row in found["rows"]]
        if found["next"] is None:
            break
        cursor = {"before": found["next"]}
    assert seen == list(reversed(range(25)))
    late = get(session, "/api/quarantine", reason="late", limit=100)["rows"]
    assert [row["offset"] for row in late] == list(range(24, -1, -5))
    assert (late[0]["cents"], late[0]["lateness_ms"]) == ("1234", 700_000)
    assert "further before its arrival" in late[0]["explanation"]
    (hostile,) = [row for row in get(session, "/api/quarantine")["rows"] if row["offset"] == 23]
    assert hostile["text"].encode() == HOSTILE
    assert (hostile["bytes"], hostile["cut"]) == (1_000_000, True)


def _row(n: int) -> list[Any]:
    if n % 5 == 4:
        return ["late", sale(), 100, "toys", "BRL", "12.34", 700_000]
    return ["unreadable", HOSTILE, 1_000_000, None, None, None, None]
