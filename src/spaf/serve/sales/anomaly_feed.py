"""The feed of anomalies: each with the time that it took to be known."""

from __future__ import annotations

import asyncio
from collections import deque

from spaf.serve.push.hub import Hub
from spaf.serve.sales.notifications import Anomaly
from spaf.serve.sales.record_lookup import UNKNOWN, RecordLookup

# What whoever joins is shown.
NEWEST = 100
# With more waiting than this they are shown at once, without their delay: somebody floods us.
MOST_WAITING = 100


class AnomalyFeed:
    """Keeps the newest anomalies and publishes new ones."""

    def __init__(self, hub: Hub, appends: RecordLookup) -> None:
        """Keep where they go and who knows when their sales were appended."""
        self._hub = hub
        self._appends = appends
        self._waiting: asyncio.Queue[Anomaly] = asyncio.Queue()
        self._newest: deque[dict[str, object]] = deque(maxlen=NEWEST)
        self._shown: deque[Anomaly] = deque(maxlen=NEWEST)

    def newest(self) -> list[dict[str, object]]:
        """Return the newest anomalies, newest first."""
        return list(self._newest)

    def add(self, anomaly: Anomaly) -> None:
        """Take one in; it is published in a moment."""
        self._waiting.put_nowait(anomaly)

    def load(self, anomalies: list[Anomaly]) -> None:
        """Take in those of the tables, newest first, that have not been shown."""
        for anomaly in reversed(anomalies):
            if anomaly not in self._shown:
                self.add(anomaly)

    async def publish(self) -> None:
        """Publish what is taken in, for ever."""
        while True:
            anomalies = [await self._waiting.get()]
            while not self._waiting.empty() and len(anomalies) < NEWEST:
                anomalies.append(self._waiting.get_nowait())
            sent = await self._known(anomalies)
            self._shown.extend(anomalies)
            for one in sent:
                self._newest.appendleft(one)
            self._hub.publish("anomalies", {"anomalies": sent})

    async def known(self, anomalies: list[Anomaly]) -> list[dict[str, object]]:
        """Return anomalies as a browser gets them."""
        return [await self._known_one(one) for one in anomalies]

    async def _known(self, anomalies: list[Anomaly]) -> list[dict[str, object]]:
        if self._waiting.qsize() > MOST_WAITING:
            return [one.sent(*UNKNOWN) for one in anomalies]
        return await self.known(anomalies)

    async def _known_one(self, one: Anomaly) -> dict[str, object]:
        if one.partition is None or one.offset is None:
            return one.sent(*UNKNOWN)
        return one.sent(*await self._appends.of(one.partition, one.offset))
