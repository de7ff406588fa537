"""The feed: what is new, once, with its delay; a broker that is away holds nothing up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from spaf.sale import Rules
from spaf.serve.sales import record_lookup as module
from spaf.serve.sales.anomaly_feed import NEWEST, AnomalyFeed
from spaf.serve.sales.notifications import Anomaly
from spaf.serve.sales.record_lookup import UNKNOWN, AppendedRecord, RecordLookup

RULES = Rules("BRL", 600_000, 60_000)


class Ear:
    """A hub that remembers what was published."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.heard: list[Any] = []

    def publish(self, kind: str, data: Any) -> None:
        """Remember."""
        assert kind == "anomalies"
        self.heard += data["anomalies"]


class Known:
    """Every record was appended a second before it was known."""

    async def of(self, partition: int, offset: int) -> AppendedRecord:
        """Return that."""
        assert partition == 0
        return AppendedRecord(1_000_000 + offset - 1_000, "USD")


def unusual(offset: int) -> Anomaly:
    """Return an unusual sale."""
    return Anomaly("high_price", "books", "500", "100", 6.5, 1_000_000 + offset, 0, offset, None)


def published(feed: AnomalyFeed, seconds: float = 0.05) -> None:
    """Let the feed work off what it has."""

    async def work() -> None:
        task = asyncio.create_task(feed.publish())
        await asyncio.sleep(seconds)
        task.cancel()

    asyncio.run(work())


def test_each_is_told_once_with_its_delay() -> None:
    """Those of the tables, read again after a cut, are not new."""
    ear = Ear()
    feed = AnomalyFeed(ear, Known())  # type: ignore[arg-type]
    feed.load([unusual(2), unusual(1)])
    feed.add(unusual(3))
    published(feed)
    feed.load([unusual(4), unusual(3), unusual(2), unusual(1)])
    published(feed)
    assert [anomaly["offset"] for anomaly in ear.heard] == [1, 2, 3, 4]
    assert {anomaly["known_after_ms"] for anomaly in ear.heard} == {1_000}
    assert {anomaly["currency"] for anomaly in ear.heard} == {"USD"}
    assert [anomaly["offset"] for anomaly in feed.newest()] == [4, 3, 2, 1]


def test_a_flood_is_shown_without_delays() -> None:
    """Kafka is not asked a thousand times; the newest are kept."""
    ear = Ear()
    feed = AnomalyFeed(ear, Known())  # type: ignore[arg-type]
    for n in range(5 * NEWEST):
        feed.add(unusual(n))
    published(feed, 0.2)
    assert [anomaly["offset"] for anomaly in ear.heard] == list(range(5 * NEWEST))
    assert ear.heard[0]["known_after_ms"] is None
    assert ear.heard[-1]["known_after_ms"] == 1_000
    assert len(feed.newest()) == NEWEST


def test_a_broker_that_is_away_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred anomalies do not wait for it one after the other."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.01)
    asked: list[int] = []
    appends = RecordLookup("127.0.0.1:1", "none", RULES)
    real = appends._consume

    def consume(partition: int, offset: int) -> list[Any]:
        asked.append(offset)
        return list(real(partition, offset))

    monkeypatch.setattr(appends, "_consume", consume)

    async def ask() -> list[AppendedRecord]:
        return [await appends.of(0, n) for n in range(100)]

    assert asyncio.run(ask()) == [UNKNOWN] * 100
    assert asked == [0]
    appends.close()
