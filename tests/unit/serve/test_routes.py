"""What is asked wrongly: a sentence and a 4xx, before any neighbour is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from spaf.serve.web.concurrency_limit import ConcurrencyLimit
from spaf.serve.web.responses import RequestRefusedError
from spaf.topic import admin, cluster

TOPIC = {"topic": "vendas-simuladas"}
Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize(
    ("path", "parameters", "named"),
    [
        ("/api/record", {"partition": 0}, "offset"),
        ("/api/record", {"partition": -1, "offset": 0}, "partition"),
        ("/api/record", {"partition": 2**31, "offset": 0}, "partition"),
        ("/api/record", {"partition": 0, "offset": 2**63}, "offset"),
        ("/api/record", {"partition": 0, "offset": "1e3"}, "offset"),
        ("/api/record", {"partition": "0;drop", "offset": 0}, "partition"),
        ("/api/quarantine", {"limit": 101}, "limit"),
        ("/api/quarantine", {"limit": 0}, "limit"),
        ("/api/quarantine", {"reason": "x' OR 1=1 --"}, "reason must be one of"),
        ("/api/quarantine", {"before": "1-2"}, "before must be"),
        ("/api/quarantine", {"before": "9" * 18 + "-0-0"}, "before must be"),
        ("/api/quarantine", {"before": "\u0661-0-0"}, "before must be"),
        ("/api/kafka", {"contains": "x" * 250}, "contains"),
        ("/api/kafka/topics/a b", {}, "name"),
        ("/api/kafka/topics/" + "x" * 250, {}, "name"),
        ("/api/kafka/groups/" + "x" * 256, {}, "name"),
        ("/api/kafka/messages", {}, "topic"),
        ("/api/kafka/messages", {"topic": "../x"}, "topic"),
        ("/api/kafka/messages", TOPIC | {"last": 101}, "last"),
        ("/api/kafka/messages", TOPIC | {"limit": 0}, "limit"),
        ("/api/kafka/messages", TOPIC | {"time_ms": -1}, "time_ms"),
        ("/api/kafka/messages", TOPIC | {"time_ms": 10**15}, "time_ms"),
        ("/api/kafka/messages", TOPIC | {"offset": "x"}, "offset"),
        ("/api/kafka/messages", TOPIC | {"offset": 1, "last": 2}, "one of offset"),
        ("/api/kafka/tail", {"topic": "a\nb"}, "topic"),
        ("/api/kafka/tail", {}, "topic"),
    ],
)
def test_wrong_parameters(ask: Ask, path: str, parameters: dict[str, Any], named: str) -> None:
    """The sentence names the parameter."""
    found = ask("GET", path, params=parameters)
    assert found.status_code == 400, found.text
    assert named in found.json()["error"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"last": 101}, {"code": "parameter", "parameters": {"name": "last"}, "parameter": "last"}),
        ({"offset": 1, "last": 2}, {"code": "invalid", "parameters": {}}),
    ],
)
def test_a_parameter_that_is_wrong_by_itself_is_named(
    ask: Ask, wrong: dict[str, Any], named: dict[str, Any]
) -> None:
    """The page has words of its own for it; what does not go together is a sentence alone."""
    found = ask("GET", "/api/kafka/messages", params=TOPIC | wrong).json()
    assert found == {"error": found["error"], **named}


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/api/load", {"action": "start"}, "rate must be from 0.1 to 200,000"),
        ("/api/load", {"action": "start", "rate": 0}, "rate must be"),
        ("/api/load", {"action": "rate", "rate": 200_001}, "rate must be"),
        ("/api/load", {"action": "rate", "rate": "100"}, "The body must be"),
        ("/api/load", {"action": "explode"}, "The body must be"),
        ("/api/load", {"action": "stop", "more": 1}, "The body must be"),
        ("/api/load", [], "The body must be"),
        ("/api/inject", {"kind": "level_shift"}, "kind must be one of price_x10"),
        ("/api/inject", {"kind": "surge", "category": ""}, "category must be"),
        ("/api/inject", {"kind": "surge", "category": "x" * 65}, "category must be"),
        ("/api/inject", {"kind": 7}, "The body must be"),
    ],
)
def test_wrong_bodies(ask: Ask, right: dict[str, str], path: str, body: Any, named: str) -> None:
    """The sentence says what is allowed."""
    found = ask("POST", path, json=body, headers=right)
    assert found.status_code == 400, found.text
    assert named in found.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 60_000, b'{"action": NaN}'])
def test_bodies_that_are_no_json(ask: Ask, right: dict[str, str], body: bytes) -> None:
    """Whatever they are, a sentence."""
    found = ask("POST", "/api/load", content=body, headers=right)
    assert found.status_code == 400
    assert found.json()["error"].startswith("The body must be")


def test_without_the_token_nothing_is_changed(ask: Ask) -> None:
    """The guard stands before the controls, too."""
    for path in ("/api/load", "/api/inject"):
        found = ask("POST", path, json={"action": "stop"})
        assert found.status_code == 403


def test_a_run_without_locust_says_so(ask: Ask, right: dict[str, str]) -> None:
    """The controls have nothing to control, and say what would help."""
    found = ask("POST", "/api/load", json={"action": "stop"}, headers=right)
    assert found.status_code == 503
    assert found.json() == {
        "error": "SPAF runs no Locust here.",
        "todo": "Start one with `spaf up`.",
        "code": "no_locust",
        "parameters": {},
    }


@pytest.mark.parametrize(
    "path", ["/api/quarantine", "/api/kafka", "/api/record?partition=0&offset=1"]
)
def test_a_neighbour_that_is_away_is_a_sentence(
    ask: Ask, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, with what to do."""
    for module in (admin, cluster):
        monkeypatch.setattr(module, "REQUEST_TIMEOUT_S", 0.3)
    found = ask("GET", path)
    assert found.status_code == 503
    assert set(found.json()) == {"error", "todo", "code", "parameters"}
    assert found.json()["code"] in ("kafka", "postgresql")
    assert "127.0.0.1:1" in found.json()["error"]


def test_no_more_at_once_than_there_are_places() -> None:
    """One more is refused with Retry-After; a place that is given back is free again."""
    slots = ConcurrencyLimit(2, "looks")
    with slots.slot():
        slots.acquire()
        with (
            pytest.raises(RequestRefusedError, match="2 looks at once") as refusal,
            slots.slot(),
        ):
            pass
        assert refusal.value.status == 429
        slots.release()
        with slots.slot():
            pass


def test_a_refused_rate_names_its_limits(ask: Ask, right: dict[str, str]) -> None:
    """The page writes them in its own language."""
    found = ask("POST", "/api/load", json={"action": "rate", "rate": 0}, headers=right).json()
    assert (found["code"], found["parameters"]) == ("rate", {"min": 0.1, "max": 200_000.0})
