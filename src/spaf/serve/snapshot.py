"""The whole state of the page, for whoever joins."""

from __future__ import annotations

from spaf import clock
from spaf.serve.source import Source


class Snapshot:
    """Gathers what each part knows at this moment."""

    def __init__(self, source: Source) -> None:
        """Keep what it is gathered from."""
        self._source = source

    def now(self) -> dict[str, object]:
        """Return the data of a `snapshot` event."""
        source = self._source
        return {
            "now_ms": clock.now_ms(),
            "run": {
                "started_ms": source.started_ms,
                "topic": source.topic,
                "categories": [],
                "base_currency": source.rules.default_currency,
                "links": source.links(),
                "outlier_score": source.outlier_score,
                "surge_score": source.surge_score,
            },
            "rows": [],
            "sums": {},
            "anomalies": [],
        }
