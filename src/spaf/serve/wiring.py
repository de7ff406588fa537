"""The objects that live as long as the page is served: created and connected here."""

from __future__ import annotations

import asyncio
import dataclasses

from spaf import clock
from spaf.generate.locust.protocol import INJECTABLE_KINDS
from spaf.sale.anomaly_kinds import BY_NAME, KINDS, MINUTE_KINDS, NAMES
from spaf.serve.push.hub import Hub
from spaf.serve.push.row_batcher import sums
from spaf.serve.run_info import RunInfo
from spaf.serve.sales.anomaly_feed import AnomalyFeed
from spaf.serve.sales.query_connection import QueryConnection
from spaf.serve.sales.reader import SalesReader
from spaf.serve.sales.record_lookup import RecordLookup
from spaf.serve.sales.rollup import Rollup

# Rows by the second in a snapshot: of the last seconds, and at most this many, because category
# names come from outside.
SNAPSHOT_S = 120
MAX_SNAPSHOT_ROWS = 5_000
# An upgrade of the job shows its thresholds within this, seconds.
THRESHOLDS_INTERVAL_S = 1.0


class PageServices:
    """The long-lived parts of the page, and the snapshot that they make together."""

    def __init__(self, run: RunInfo) -> None:
        """Create the parts; nothing is connected yet."""
        self.run = run
        self._thresholds = run.thresholds()
        self.rollup = Rollup()
        # Event ids of another process must not match.
        self.hub = Hub(f"{clock.now_ms():x}", self.snapshot)
        self.queries = QueryConnection(run.access)
        self.records = RecordLookup(run.kafka, run.topic, run.rules)
        self.feed = AnomalyFeed(self.hub, self.records)
        self.reader = SalesReader(self.queries, self.rollup, self.feed, self.hub)

    def snapshot(self) -> dict[str, object]:
        """Return the data of a `snapshot` event: the whole present state."""
        run, hub = self.run, self.hub
        now_ms = clock.now_ms()
        recent = self.rollup.recent(now_ms // 1_000 - SNAPSHOT_S, MAX_SNAPSHOT_ROWS)
        return {
            "now_ms": now_ms,
            "newest_ms": self.reader.newest_ms,
            "database": self.reader.database,
            "run": {
                "started_ms": run.started_ms,
                "topic": run.topic,
                "categories": self.rollup.categories(),
                "base_currency": run.rules.default_currency,
                "links": run.public_links(),
                **dataclasses.asdict(self._thresholds),
                "kind_units": {kind.name: kind.unit for kind in KINDS},
                "minute_kinds": [kind.name for kind in MINUTE_KINDS],
                "anomaly_kinds": list(BY_NAME),
                "injections": INJECTABLE_KINDS,
                "kind_names": NAMES,
            },
            "rows": [row.wire() for row in recent],
            "sums": sums(self.rollup),
            "anomalies": self.feed.newest(),
            "measure": run.sweep.view(),
            **{kind: hub.fresh(kind) for kind in ("accounts", "pipeline", "score", "load")},
        }

    async def follow_thresholds(self) -> None:
        """Send every viewer a snapshot when other thresholds are in force, for ever."""
        while True:
            present = await asyncio.to_thread(self.run.thresholds)
            if present != self._thresholds:
                self._thresholds = present
                self.hub.refresh()
            await asyncio.sleep(THRESHOLDS_INTERVAL_S)

    async def close(self) -> None:
        """Close the connections."""
        await self.queries.close()
        self.records.close()
