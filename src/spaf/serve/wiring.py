"""Everything that lives while the page is served: made once, wired together here."""

from __future__ import annotations

from spaf import clock
from spaf.generate.locust.protocol import INJECTABLE_KINDS
from spaf.sale.anomaly_kinds import BY_NAME, NAMES
from spaf.serve.push.hub import Hub
from spaf.serve.push.row_batcher import sums
from spaf.serve.run_info import RunInfo
from spaf.serve.sales.anomaly_feed import AnomalyFeed
from spaf.serve.sales.query_connection import QueryConnection
from spaf.serve.sales.reader import SalesReader
from spaf.serve.sales.record_lookup import RecordLookup
from spaf.serve.sales.rollup import Rollup

# Whoever joins sees so much of the past by the second, seconds.
ROWS_S = 120
# And so many rows of it at most; names come from outside.
MOST_ROWS = 5_000


class PageServices:
    """The parts, and the state that they make together."""

    def __init__(self, source: RunInfo) -> None:
        """Make the parts; nothing is connected yet."""
        self.source = source
        self.rollup = Rollup()
        # The numbering of another process is another one.
        self.hub = Hub(f"{clock.now_ms():x}", self.snapshot)
        self.asker = QueryConnection(source.access)
        self.appends = RecordLookup(source.kafka, source.topic, source.rules)
        self.feed = AnomalyFeed(self.hub, self.appends)
        self.reader = SalesReader(self.asker, self.rollup, self.feed, self.hub)

    def snapshot(self) -> dict[str, object]:
        """Return the data of a `snapshot` event: everything that is known now."""
        source, hub = self.source, self.hub
        now_ms = clock.now_ms()
        recent = self.rollup.recent(now_ms // 1_000 - ROWS_S, MOST_ROWS)
        return {
            "now_ms": now_ms,
            "newest_ms": self.reader.newest_ms,
            "database": self.reader.database,
            "run": {
                "started_ms": source.started_ms,
                "topic": source.topic,
                "categories": self.rollup.categories(),
                "base_currency": source.rules.default_currency,
                "links": source.links(),
                "outlier_score": source.outlier_score,
                "surge_score": source.surge_score,
                "anomaly_kinds": list(BY_NAME),
                "injections": INJECTABLE_KINDS,
                "kind_names": NAMES,
            },
            "rows": [row.sent() for row in recent],
            "sums": sums(self.rollup),
            "anomalies": self.feed.newest(),
            **{kind: hub.fresh(kind) for kind in ("accounts", "pipeline", "score", "load")},
        }

    async def close(self) -> None:
        """Let go of the neighbours."""
        await self.asker.close()
        self.appends.close()
