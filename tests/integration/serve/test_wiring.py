"""What a viewer sees of real tables: rows as they change, and the same again after every cut."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spaf import clock
from spaf.serve.sales.rollup import SECONDS_KEPT_S
from spaf.stack.process import wait_until
from spaf.store.access import Role

PATIENCE_S = 30.0
VIEWERS = 100
# More than a viewer's queue and the buffers on the way to it hold: some 5 kB a round.
ROWS = 40
ROUNDS = 150


def now_s() -> int:
    """Return the present second."""
    return clock.now_ms() // 1_000


def test_a_changed_row_is_pushed(page: Any, open_stream: Any) -> None:
    """With its absolute values, money in whole cents, and the running sums."""
    now = now_s()
    viewer = open_stream(page)
    page.sell(now, "books", 1, "3.50")
    page.sell(now, "books", 3, "10.01")
    assert viewer.receives(lambda v: v.rows() == {(now, "books", "BRL"): [3, 6, "1001"]})
    assert viewer.sums() == {"BRL": [3, 6, "1001"]}
    assert viewer.kinds()[0] == "snapshot"


def test_a_row_that_is_gone_is_told(page: Any, open_stream: Any) -> None:
    """A second that loses its only sale shows none."""
    now = now_s()
    page.sell(now, "books", 1, "3.50")
    viewer = open_stream(page)
    assert viewer.receives(lambda v: len(v.rows()) == 1)
    page.sell(now, "books", 0, "0")
    assert viewer.receives(lambda v: "rows" in v.kinds() and v.rows() == {})
    assert viewer.sums() == {"BRL": [0, 0, "0"]}


def test_a_viewer_that_joins_later_sees_the_same(page: Any, open_stream: Any) -> None:
    """From the snapshot: rows, sums, categories."""
    now = now_s()
    first = open_stream(page)
    for second, category in ((now, "books"), (now - 1, "toys"), (now - 1_000, "old")):
        page.sell(second, category, 2, "5.00")
    assert first.receives(lambda v: len(v.rows()) == 3)
    second = open_stream(page)
    assert second.receives(lambda v: bool(v.events))
    (_, kind, data), *_ = second.events
    assert kind == "snapshot"
    # The newest rows are among them, however long ago they were sold.
    assert {row[1] for row in data["rows"]} == {"books", "toys", "old"}
    assert data["sums"] == {"BRL": [6, 12, "1500"]}
    assert data["run"]["categories"] == ["books", "old", "toys"]
    assert data["database"] == "up"


def test_who_comes_back_misses_nothing(page: Any, open_stream: Any) -> None:
    """By the id of the last event, without a snapshot; by another process's id, with one."""
    now = now_s()
    first = open_stream(page)
    page.sell(now, "books", 1, "1.00")
    assert first.receives(lambda v: len(v.rows()) == 1)
    last = first.events[-1][0]
    first.stop()
    page.sell(now, "toys", 1, "1.00")
    again = open_stream(page, last)
    assert again.receives(lambda v: list(v.rows()) == [(now, "toys", "BRL")])
    assert "snapshot" not in again.kinds()
    other = open_stream(page, "another-1")
    assert other.receives(lambda v: len(v.rows()) == 2)
    assert other.kinds()[0] == "snapshot"


def test_a_database_that_goes_and_comes_is_told(page: Any, open_stream: Any) -> None:
    """What changed while no connection listened comes in a snapshot, without a reload."""
    now = now_s()
    viewer = open_stream(page)
    page.sell(now, "books", 1, "1.00")
    assert viewer.receives(lambda v: len(v.rows()) == 1)
    with page.superuser() as chief:
        chief.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'spaf read'"
        )
        page.sell(now, "books", 5, "5.00")
        page.sell(now - 1, "toys", 2, "2.00")
    assert viewer.receives(
        lambda v: (
            v.rows()
            == {(now, "books", "BRL"): [5, 10, "500"], (now - 1, "toys", "BRL"): [2, 4, "200"]}
        )
    )
    assert viewer.sums() == {"BRL": [7, 14, "700"]}
    assert "down" in liveness(viewer)
    assert viewer.kinds().count("snapshot") == 2
    page.sell(now, "books", 6, "6.00")
    assert viewer.receives(lambda v: v.rows()[now, "books", "BRL"] == [6, 12, "600"])


def test_a_database_that_hangs_is_told(page: Any, open_stream: Any) -> None:
    """It is not gone, but does not answer; when it goes on, so do we."""
    now = now_s()
    viewer = open_stream(page)
    page.sell(now, "books", 1, "1.00")
    assert viewer.receives(lambda v: len(v.rows()) == 1)
    with page.superuser() as chief:
        found = chief.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'spaf read'"
        ).fetchall()
    backends = [pid for (pid,) in found]
    try:
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        page.sell(now, "books", 2, "2.00")
        assert viewer.receives(lambda v: liveness(v)[-1:] == ["down"])
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    assert viewer.receives(lambda v: v.rows()[now, "books", "BRL"] == [2, 4, "200"])
    assert viewer.receives(lambda v: liveness(v)[-1:] == ["up"])


def liveness(viewer: Any) -> list[str]:
    """Return what the ticks have said of the database."""
    return [data["database"] for _, kind, data in list(viewer.events) if kind == "tick"]


def test_a_late_sale_of_a_second_long_past_is_counted(page: Any, open_stream: Any) -> None:
    """Its minute is read again; the day's totals and the running sums agree."""
    old = now_s() - SECONDS_KEPT_S - 3_000
    viewer = open_stream(page)
    page.sell(old, "books", 1, "1.00")
    page.sell(old, "books", 4, "4.00")
    page.sell(old + 1, "books", 2, "2.00")

    def counted() -> bool:
        found = page.get("/api/today", since=old - old % 60)
        return bool(found["totals"] == found["sums"] == {"BRL": [6, 12, "600"]})

    assert wait_until(counted, PATIENCE_S, poll=1.1)
    assert viewer.receives(lambda v: len(v.rows()) == 2)


def test_a_hundred_viewers_see_the_same(page: Any, open_stream: Any) -> None:
    """Each of them every row, soon."""
    now = now_s()
    viewers = [open_stream(page) for _ in range(VIEWERS)]
    for n in range(20):
        page.sell(now, f"c{n}", n + 1, f"{n}.99")
    last = (now, "c19", "BRL")
    for viewer in viewers:
        assert viewer.receives(lambda v: last in v.rows())
    shown = [viewer.rows() for viewer in viewers]
    assert all(rows == shown[0] for rows in shown)
    assert len(shown[0]) == 20


def test_a_slow_viewer_gets_the_newest_state_and_delays_no_other(
    page: Any, open_stream: Any
) -> None:
    """It does not read for a while; then it gets the present, not the past."""
    now = now_s()
    quick = open_stream(page)
    address = page.address.removeprefix("http://")
    host, port = address.split(":")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect((host, int(port)))
        slow.sendall(f"GET /api/stream HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        begin = slow.recv(1_024)
        assert b"200 OK" in begin
        names = ["x" * 60 + f"{k:02}" for k in range(ROWS)]
        for n in range(ROUNDS):
            page.sell_many([(now, name, n + 1) for name in names])
            # Each round is a push of its own.
            sold = (n + 1) * ROWS
            assert quick.receives(lambda v, sold=sold: v.sums().get("BRL", [0])[0] == sold)
        quick.stop()
        slow.settimeout(PATIENCE_S)
        received = begin
        while f'"BRL":[{ROWS * ROUNDS},'.encode() not in received:
            received += slow.recv(65_536)
    events = [block for block in received.split(b"\n\n") if b"event: rows" in block]
    assert received.count(b"event: snapshot") == 2
    assert len(events) < ROUNDS
    # The last line may be cut off.
    *lines, _ = received.split(b"\n")
    numbers = [int(line.partition(b"-")[2]) for line in lines if line[:4] == b"id: "]
    assert numbers == sorted(numbers)


def test_a_new_anomaly_is_told(page: Any, open_stream: Any, send: Any) -> None:
    """With the time from the record's append, which is read from Kafka, and its currency."""
    viewer = open_stream(page)
    sale = {"productId": "p", "productCategory": "books", "productPrice": 5, "productQuantity": 1}
    (offset,) = send(page.session, 0, [json.dumps(sale).encode()])
    found_ms = page.anomaly(offset, "books", "12.34", "1.20")
    assert viewer.receives(lambda v: "anomalies" in v.kinds())
    ((anomaly,),) = [d["anomalies"] for _, kind, d in viewer.events if kind == "anomalies"]
    assert 0 <= anomaly.pop("known_after_ms") < PATIENCE_S * 1_000
    assert anomaly == {
        "kind": "price_x10",
        "category": "books",
        "amount": "1234",
        "expected": "120",
        "score": 9.5,
        "detected_ms": found_ms,
        "partition": 0,
        "offset": offset,
        "transaction_id": None,
        "currency": "BRL",
    }
    assert page.get("/api/anomalies")["anomalies"][0]["amount"] == "1234"
    assert page.get("/api/anomalies", before_ms=found_ms)["anomalies"] == []
    later = open_stream(page)
    assert later.receives(lambda v: bool(v.events))
    assert later.events[0][2]["anomalies"][0]["offset"] == offset


def test_a_chart_is_the_same_from_memory_and_from_the_tables(page: Any, open_stream: Any) -> None:
    """A range that memory does not hold by the second is asked of PostgreSQL."""
    now = now_s()
    old = now - SECONDS_KEPT_S - 2_000
    viewer = open_stream(page)
    for second in (old, old + 1, old + 7, now - 3):
        page.sell(second, "books", 2, "5.00")
        page.sell(second, "toys", 1, "2.50", "USD")
    assert viewer.receives(lambda v: len(v.rows()) == 8)
    chart = page.get("/api/history", **{"from": old, "to": old + 10})
    assert (chart["step"], chart["from"], chart["to"]) == (1, old, old + 10)
    assert dict(zip(chart["categories"], chart["sales"], strict=True)) == {
        "books": [2, 2, 0, 0, 0, 0, 0, 2, 0, 0],
        "toys": [1, 1, 0, 0, 0, 0, 0, 1, 0, 0],
    }
    assert chart["money"][0] == [500, 500, 0, 0, 0, 0, 0, 500, 0, 0]
    assert sum(chart["money"][1]) == 0
    recent = page.get("/api/history", range="1m", currency="USD")
    assert sum(map(sum, recent["sales"])) == 3
    assert sum(map(sum, recent["money"])) == 250
    coarse = page.get("/api/history", **{"from": old - 1_000, "to": old + 1_000})
    assert coarse["step"] == 5
    assert sum(map(sum, coarse["sales"])) == 9


def test_the_newest_rows_are_those_of_the_brief(page: Any) -> None:
    """All columns, newest first."""
    now = now_s()
    for n in range(3):
        page.sell(now, f"c{n}", n + 1, "0.10")
    found = page.get("/api/rows", limit=2)["rows"]
    assert [row["category"] for row in found] == ["c2", "c1"]
    assert found[0]["sales_count"] == 3
    assert found[0]["total_sales"] == "0.10"
    assert set(found[0]) >= {"window_start", "currency", "units_sold", "created_at", "updated_at"}


def test_a_page_starts_with_all_of_a_day(page: Any, serve_again: Callable[[Any], Any]) -> None:
    """The first chart is there at once, and agrees with the tables."""
    now = now_s()
    with page.session.access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(
            "INSERT INTO sales_summary "
            "(window_start, category, currency, sales_count, units_sold, total_sales) "
            "SELECT to_timestamp(s), c, 'BRL', 1, 2, 0.07 FROM generate_series(%s, %s, 60) AS s, "
            "unnest(ARRAY['a', 'b', 'c']) AS c",
            [now - 90_000, now],
        )
    again = serve_again(page.session)
    chart = again.get("/api/history", range="24h")
    assert chart["step"] == 60
    assert len(chart["sales"]) == 3
    assert 1_440 <= sum(chart["sales"][0]) <= 1_442
    assert again.get("/api/today", since=now - 3_600 * 24)["totals"]["BRL"][0] >= 3 * 1_440


def test_a_page_that_starts_again_shows_the_newest_rows(
    page: Any, open_stream: Any, serve_again: Callable[[Any], Any]
) -> None:
    """Those that were created last, also when nothing was sold for hours: as before its restart."""
    now = now_s()
    first = open_stream(page)
    for second, category in ((now - 9_000, "a"), (now - 90_000, "b"), (now - 200, "c")):
        page.sell(second, category, 2, "5.00")
    assert first.receives(lambda v: len(v.rows()) == 3)
    again = open_stream(serve_again(page.session))
    assert again.receives(lambda v: bool(v.events))
    assert again.rows() == first.rows()
    assert again.events[0][2]["newest_ms"]


def test_paints_are_kept_where_a_measurement_waits(page: Any, tmp_path: Path) -> None:
    """In the form of the watch; nowhere else."""
    report = {
        "name": "run-1",
        "frames": [
            [1_763_800_000_000_123, [[1_763_800_000, "books", "BRL", 3, 1_763_800_000_099.5]]]
        ],
        "page": {"fps": 59.5, "heap_bytes": 1_000, "dom_nodes": 10},
    }
    assert page.post("/api/painted", report).status_code == 404
    for end in ("tsv", "jsonl"):
        (tmp_path / f"painted-run-1.{end}").touch()
    assert page.post("/api/painted", report).json() == {"ok": True, "frames": 1}
    assert (tmp_path / "painted-run-1.tsv").read_text() == (
        '1763800000000123\t[[1763800000,"books","BRL",3,1763800000099.5]]\n'
    )
    assert json.loads((tmp_path / "painted-run-1.jsonl").read_text())["fps"] == 59.5


def test_a_million_names_are_summed_up(
    page: Any, serve_again: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, too: nothing that was sold is lost, and no query brings more than is kept."""
    monkeypatch.setattr("spaf.serve.sales.reader.MAX_ROWS", 100)
    now = now_s()
    old = now - 7_200
    with page.session.access.connect(Role.SINK, autocommit=True) as sink:
        sink.execute(
            "INSERT INTO sales_summary "
            "(window_start, category, currency, sales_count, units_sold, total_sales) "
            "SELECT to_timestamp(s), 'c' || n, CASE WHEN n < 150 THEN 'BRL' ELSE 'USD' END, "
            "1, 1, 1 "
            "FROM unnest(ARRAY[%s, %s]::bigint[]) AS s, generate_series(1, 160) AS n",
            [old, now],
        )
    again = serve_again(page.session)
    for question in ({"from": old, "to": old + 60}, {"from": now - 86_400, "to": now + 1}):
        chart = again.get("/api/history", **question)
        assert sum(map(sum, chart["sales"])) == 160 * (1 if question["from"] == old else 2)
        assert len(chart["categories"]) <= 24
        assert chart["categories"][-1] == ""
    totals = again.get("/api/today", since=now - 80_000)["totals"]
    assert sum(sums[0] for sums in totals.values()) == 320
    assert totals["BRL"][2] == "29800"
