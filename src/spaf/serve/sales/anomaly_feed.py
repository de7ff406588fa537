"""The feed of anomalies, each with its detection delay."""

from __future__ import annotations

import asyncio
from collections import deque

from spaf.serve.push.hub import Hub
from spaf.serve.sales.notifications import Anomaly
from spaf.serve.sales.record_lookup import UNKNOWN, RecordLookup

# Anomalies in a snapshot.
NEWEST = 100
# With more pending, anomalies are published without their delay: the lookups could not keep up.
MAX_PENDING = 100


class AnomalyFeed:
    """Keeps the newest anomalies and publishes new ones."""

    def __init__(self, hub: Hub, records: RecordLookup) -> None:
        """Keep the hub, and the lookup of append times."""
        self._hub = hub
        self._records = records
        self._pending: asyncio.Queue[Anomaly] = asyncio.Queue()
        self._newest: deque[dict[str, object]] = deque(maxlen=NEWEST)
        self._shown: deque[Anomaly] = deque(maxlen=NEWEST)

    def newest(self) -> list[dict[str, object]]:
        """Return the newest anomalies, newest first."""
        return list(self._newest)

    def add(self, anomaly: Anomaly) -> None:
        """Queue an anomaly; it is published in a moment."""
        self._pending.put_nowait(anomaly)

    def load(self, anomalies: list[Anomaly]) -> None:
        """Queue those of the tables, newest first, that have not been published."""
        for anomaly in reversed(anomalies):
            if anomaly not in self._shown:
                self.add(anomaly)

    async def publish(self) -> None:
        """Publish what is queued, for ever."""
        while True:
            anomalies = [await self._pending.get()]
            while not self._pending.empty() and len(anomalies) < NEWEST:
                anomalies.append(self._pending.get_nowait())
            rows = await self._rows(anomalies)
            self._shown.extend(anomalies)
            for row in rows:
                self._newest.appendleft(row)
            self._hub.publish("anomalies", {"anomalies": rows})

    async def with_delays(self, anomalies: list[Anomaly]) -> list[dict[str, object]]:
        """Return anomalies as they are sent, with their delays."""
        return [await self._with_delay(anomaly) for anomaly in anomalies]

    async def _rows(self, anomalies: list[Anomaly]) -> list[dict[str, object]]:
        if self._pending.qsize() > MAX_PENDING:
            return [anomaly.wire(*UNKNOWN) for anomaly in anomalies]
        return await self.with_delays(anomalies)

    async def _with_delay(self, anomaly: Anomaly) -> dict[str, object]:
        if anomaly.partition is None or anomaly.offset is None:
            return anomaly.wire(*UNKNOWN)
        return anomaly.wire(*await self._records.of(anomaly.partition, anomaly.offset))
