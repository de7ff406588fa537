"""What may be asked of history, and how a wrong request is answered."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from spaf import clock

Ask = Callable[..., httpx.Response]

WRONG = [
    ("/api/history", "range"),
    ("/api/history?range=2m", "range"),
    ("/api/history?range=1m&range=x", "range"),
    ("/api/history?range=1m&from=1&to=2", "range"),
    ("/api/history?from=1", "range"),
    ("/api/history?from=2&to=1", "to"),
    ("/api/history?from=1&to=1", "to"),
    ("/api/history?from=0&to=90001", "to"),
    ("/api/history?from=-1&to=5", "from"),
    ("/api/history?from=1e3&to=5", "from"),
    ("/api/history?from=1&to=99999999999999999999999999", "to"),
    ("/api/history?from=1&to=nan", "to"),
    ("/api/history?range=1m&currency=brl", "currency"),
    ("/api/history?range=1m&currency=BRL'%3B--", "currency"),
    ("/api/history?range=1m&more=1", "more"),
    ("/api/today", "since"),
    ("/api/today?since=", "since"),
    ("/api/today?since=1.5", "since"),
    ("/api/today?since=0", "since"),
    ("/api/today?since=4102444800", "since"),
    ("/api/rows?limit=0", "limit"),
    ("/api/rows?limit=501", "limit"),
    ("/api/rows?limit=50;DROP", "limit"),
    ("/api/rows?limit=pg_sleep(9)", "limit"),
    ("/api/anomalies?before_ms=-1", "before_ms"),
    ("/api/anomalies?before_ms=9999999999999999", "before_ms"),
    ("/api/anomalies?limit=101", "limit"),
]


@pytest.mark.parametrize(("path", "name"), WRONG)
def test_a_wrong_parameter_is_told_by_name(ask: Ask, path: str, name: str) -> None:
    """One sentence, no more; before anything is asked of anybody."""
    answer = ask("GET", path)
    assert answer.status_code == 400
    found = answer.json()
    sentence = found.pop("error")
    alone = {"code": "parameter", "parameters": {"name": name}, "parameter": name}
    combined = {"code": "invalid", "parameters": {}}
    assert found in (alone, combined)
    assert sentence.startswith(f"{name}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("span", ["1m", "15m", "1h", "24h"])
def test_a_chart_without_sales_has_no_lines(ask: Ask, span: str) -> None:
    """But the whole range, up to now."""
    found = ask("GET", f"/api/history?range={span}").json()
    assert (found["categories"], found["sales"], found["money"]) == ([], [], [])
    assert found["from"] < clock.now_ms() / 1_000 < found["to"] + 1
    assert found["currency"] == "BRL"
    assert found["as_of_id"]


def test_a_midnight_ahead_is_a_question_too(ask: Ask) -> None:
    """Nothing has been sold since tomorrow."""
    tomorrow = clock.now_ms() // 1_000 + 3_600
    found = ask("GET", f"/api/today?since={tomorrow}")
    assert found.status_code == 200
    assert found.json() == {"since": tomorrow - tomorrow % 60, "totals": {}, "sums": {}}


def test_a_database_that_is_away_is_told(ask: Ask) -> None:
    """503, what is wrong, and what to do; no word of its account."""
    answer = ask("GET", "/api/rows")
    assert answer.status_code == 503
    assert "127.0.0.1:1 refused spaf_read" in answer.json()["error"]
    assert "spaf status" in answer.json()["todo"]
    assert "secret" not in answer.text
