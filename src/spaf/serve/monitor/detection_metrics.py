"""Live precision and recall: what the job has found, held against what the load has labelled.

Labels are read as their file grows, anomalies as they are detected, and `Scorer` counts them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from spaf import clock
from spaf.errors import StoreError
from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
from spaf.generate.anomalies.ground_truth import SecondAlert
from spaf.serve.monitor.confusion_counts import ConfusionCounts
from spaf.serve.monitor.probe import Probe
from spaf.serve.push.hub import Hub
from spaf.serve.run_info import RunInfo
from spaf.store.access import Access, Role
from spaf.store.statement import statement

# Between two looks, and how long one is waited for, seconds.
EVERY_S = 1.0
IDLE_S = 0.2
PATIENCE_S = 0.8
# Rows of one question, and bytes of labels of one read.
MOST_ROWS = 5_000
MOST_BYTES = 2**20
# With more labels than this before the page began, they are not read, and the score is that of the
# time since: 16 MiB are 130,000 labels.
MOST_BEFORE = 16 * 2**20
# A row may become visible after one that was detected later.
OVERLAP = timedelta(seconds=5)
STATEMENT_MS = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def follow(source: RunInfo, hub: Hub) -> None:
    """Publish `score` each second while the page has viewers."""
    score = DetectionMetrics(source)
    probe: Probe[dict[str, Any] | None] = Probe("score", score.look, score.close)
    try:
        while True:
            if not hub.viewers:
                await asyncio.sleep(IDLE_S)
                continue
            began = clock.monotonic()
            await probe.look(PATIENCE_S)
            if probe.fresh:
                hub.publish("score", probe.value)
            await asyncio.sleep(max(0.0, began + EVERY_S - clock.monotonic()))
    finally:
        probe.close()


class LabelFile:
    """The file of labels, read as it grows."""

    def __init__(self, file: Path) -> None:
        """Keep the file, which may not be there yet."""
        self._file = file
        self._place = 0
        self.skipped = False
        self.caught_up = False

    def begin(self) -> None:
        """Begin at the first label, or, if there are too many, behind the last."""
        size = self._file.stat().st_size if self._file.exists() else 0
        self.skipped = size > MOST_BEFORE
        self._place = size if self.skipped else 0
        self.caught_up = False

    def read(self) -> list[Label | EpisodeLabel]:
        """Return the labels of the next whole lines."""
        try:
            with self._file.open("rb") as lines:
                lines.seek(self._place)
                piece = lines.read(MOST_BYTES)
        except FileNotFoundError:
            self.caught_up = True
            return []
        whole = piece[: piece.rfind(b"\n") + 1]
        self._place += len(whole)
        self.caught_up = len(piece) < MOST_BYTES
        return list(_labels(whole))


class AlertTable:
    """One table of anomalies, read in the order of detection; each row once."""

    def __init__(self, query: str) -> None:
        """Begin at the first row; `query` is the name of a file in `serve/sql`."""
        self._query = statement("spaf.serve", query)
        self._since = EPOCH
        self._seen: dict[tuple[Any, ...], datetime] = {}
        self.caught_up = False

    def begin(self, since: datetime) -> None:
        """Begin at the rows that were detected after a moment."""
        self._since = since
        self._seen.clear()

    def read(self, connection: psycopg.Connection) -> list[tuple[Any, ...]]:
        """Return the next rows, without the time of detection."""
        values = {"since": self._since, "limit": MOST_ROWS}
        rows = connection.execute(self._query, values).fetchall()
        self.caught_up = len(rows) < MOST_ROWS
        new = []
        for detected, *row in rows:
            if tuple(row) not in self._seen:
                self._seen[tuple(row)] = detected
                new.append(tuple(row))
        if rows:
            newest = rows[-1][0]
            # Only the newest may have neighbours that are not visible yet.
            self._since = newest - OVERLAP if self.caught_up else newest
            self._seen = {row: at for row, at in self._seen.items() if at >= newest - OVERLAP}
        return new


class DetectionMetrics:
    """Reads what is new and counts it; begins anew with each job, which writes its rows again."""

    def __init__(self, source: RunInfo) -> None:
        """Keep where everything is; nothing is read yet."""
        self._source = source
        self._access: Access = source.access
        self._connection: psycopg.Connection | None = None
        self._job: str | None = None
        self._labels = LabelFile(source.labels)
        self._sales, self._seconds = AlertTable("sale_alerts"), AlertTable("traffic_alerts")
        self._scorer = ConfusionCounts()

    def look(self) -> dict[str, Any] | None:
        """Return the `score` message of now.

        Raises:
            StoreError: PostgreSQL cannot be reached.

        """
        job = self._source.job().id
        if job != self._job:
            self._begin(job)
        try:
            connection = self._connected()
            # Alerts first: whatever they are about was labelled before.
            sales = self._sales.read(connection)
            seconds = self._seconds.read(connection)
        except psycopg.Error as error:
            self.close()
            raise StoreError(f"PostgreSQL: {str(error).strip().splitlines()[0]}") from error
        self._count(sales, seconds)
        return self._scorer.message()

    def _count(self, sales: list[tuple[Any, ...]], seconds: list[tuple[Any, ...]]) -> None:
        at, scorer = clock.monotonic(), self._scorer
        scorer.add_labels(self._labels.read(), at)
        # What no load of ours has named cannot be told right from wrong.
        named = ((name, kind) for _, _, kind, name in sales if name is not None)
        scorer.add_sale_alerts(named, at)
        scorer.add_second_alerts(SecondAlert(s, category, kind) for category, s, kind in seconds)
        if self._labels.caught_up and self._sales.caught_up and self._seconds.caught_up:
            scorer.settle(at, clock.now_ms())

    def _begin(self, job: str) -> None:
        self._job, self._scorer = job, ConfusionCounts()
        self._labels.begin()
        since = EPOCH
        if self._labels.skipped:
            since = EPOCH + timedelta(milliseconds=clock.now_ms())
        self._sales.begin(since)
        self._seconds.begin(since)
        while not self._labels.caught_up:
            self._scorer.add_labels(self._labels.read(), clock.monotonic())

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            connection = self._access.connect(Role.READ, autocommit=True)
            connection.execute(f"SET statement_timeout = {STATEMENT_MS}")
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Close the connection; the next look opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Line(msgspec.Struct, rename="camel"):
    """A label of either sort."""

    kind: str
    category: str
    factor: float
    transaction_id: str | None = None
    start_ms: int = 0
    end_ms: int = 0


def _labels(lines: bytes) -> Iterator[Label | EpisodeLabel]:
    decode = msgspec.json.Decoder(_Line).decode
    for line in lines.splitlines():
        try:
            one = decode(line)
        except msgspec.DecodeError:
            continue  # half a line of a load that was killed while it wrote
        if one.transaction_id is not None:
            yield Label(one.transaction_id, one.kind, one.category, one.factor)
        else:
            yield EpisodeLabel(one.kind, one.category, one.start_ms, one.end_ms, one.factor)
