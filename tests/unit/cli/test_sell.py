"""What `spaf sell` sends, and how it names what becomes of it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from spaf import clock
from spaf.cli import app, sell
from spaf.errors import SettingsError, TopicError
from spaf.sale import Rules, decode
from spaf.topic import producer
from spaf.topic.producer import AcknowledgedRecord, append_records

RULES = Rules("BRL", 600_000, 60_000)
NOW_MS = 1_763_800_000_123


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Replace run and broker; return the list of the values that are sent."""
    values: list[bytes] = []

    def append(
        _kafka: str, _topic: str, _client: str, new: list[bytes]
    ) -> list[AcknowledgedRecord]:
        values.extend(new)
        return [AcknowledgedRecord(0, 7 + n, NOW_MS) for n in range(len(new))]

    run = SimpleNamespace(kafka="k:1", topic="t", rules=RULES, lasting_trouble=lambda: None)
    monkeypatch.setattr(sell, "Run", SimpleNamespace(attach=lambda _: run))
    monkeypatch.setattr(sell, "append_records", append)
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    return values


def printed(*words: str) -> str:
    """Return what the command prints."""
    done = CliRunner().invoke(app, ["sell", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_sale_has_four_fields_and_a_place(sent: list[bytes]) -> None:
    """Without an event time it counts when it arrives."""
    shown = printed("--category", "tea", "--price", "12.50", "--quantity", "2")
    assert json.loads(sent[0]) == {
        "productId": "p1",
        "productCategory": "tea",
        "productPrice": 12.5,
        "productQuantity": 2,
    }
    assert shown.splitlines() == [
        "record   0:7",
        "arrived  2025-11-22 08:26:40.123 UTC",
        "counts   accepted",
        f"bytes    {sent[0].decode()}",
    ]


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("--ago", "5m"), "accepted"),
        (("--ago", "600"), "accepted"),
        (("--ago", "601s"), "late"),
        (("--at", "2025-11-22T08:26:00"), "accepted"),
        (("--at", "yesterday"), "rejected (event_time)"),
        (("--price", "1.005"), "rejected (price)"),
        (("hello",), "rejected (unreadable)"),
    ],
)
def test_the_outcome_is_that_of_the_contract(
    sent: list[bytes], words: tuple[str, ...], outcome: str
) -> None:
    """Of the bytes that were sent, at the time at which they were appended."""
    (found,) = json.loads(printed(*words, "--json"))
    assert found == {"partition": 0, "offset": 7, "append_ms": NOW_MS, "outcome": outcome}
    assert sell.names(decode(sent[0], NOW_MS, RULES)) == outcome


def test_copies_are_the_same_bytes(sent: list[bytes]) -> None:
    """And the first place is shown."""
    assert "record   0:7, the first of 3\n" in printed("--times", "3")
    assert len(set(sent)) == 1
    assert len(sent) == 3


@pytest.mark.parametrize("words", [("--ago", "soon"), ("--ago", "5m", "--at", "2025-11-22")])
def test_a_time_that_says_nothing_is_refused(sent: list[bytes], words: tuple[str, ...]) -> None:
    """Before anything is sent."""
    done = CliRunner().invoke(app, ["sell", *words])
    assert isinstance(done.exception, SettingsError)
    assert sent == []


def test_a_record_without_acknowledgement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the broker's address: the record may be in the topic or not."""
    silent: Any = SimpleNamespace(
        produce=lambda *_, **__: None, flush=lambda _: 1, list_topics=lambda *_, **__: None
    )
    monkeypatch.setattr(producer, "open_producer", lambda *_: silent)
    with pytest.raises(TopicError, match="k:1 did not acknowledge the record: no answer"):
        append_records("k:1", "t", "c", [b"x"])
