"""Live precision and recall: the anomalies that the job detects against the labels of the load.

Labels are read as their file grows, anomalies as they are detected; `ConfusionCounts` counts them.
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
from spaf.generate.anomalies.ground_truth import SECOND_ALERTS, SecondAlert
from spaf.serve.monitor.confusion_counts import ConfusionCounts
from spaf.serve.monitor.probe import Probe
from spaf.serve.push.hub import Hub
from spaf.serve.run_info import RunInfo
from spaf.store.reader_connection import ReaderConnection
from spaf.store.statement import statement

INTERVAL_S = 1.0
# Without viewers nothing is polled; a new viewer is noticed within this.
IDLE_S = 0.2
TIMEOUT_S = 0.8
# Of one query, and of one read of the labels.
MAX_ROWS = 5_000
MAX_READ_BYTES = 2**20
# A larger file of labels is not read from its start: the score is then that of the time since the
# page started. 16 MiB are 130,000 labels.
MAX_LABELS_BYTES = 16 * 2**20
# A row may become visible after one with a later time of detection.
OVERLAP = timedelta(seconds=5)
STATEMENT_TIMEOUT_MS = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def follow(run: RunInfo, hub: Hub) -> None:
    """Publish `score` each second while the page has viewers."""
    score = DetectionMetrics(run)
    probe: Probe[dict[str, Any] | None] = Probe("score", score.poll, score.close)
    try:
        while True:
            if not hub.viewers:
                await asyncio.sleep(IDLE_S)
                continue
            began = clock.monotonic()
            await probe.poll(TIMEOUT_S)
            if probe.fresh:
                hub.publish("score", probe.value)
            await asyncio.sleep(max(0.0, began + INTERVAL_S - clock.monotonic()))
    finally:
        probe.close()


class LabelFile:
    """Reads the file of labels as it grows."""

    def __init__(self, file: Path) -> None:
        """Keep the file, which may not be there yet."""
        self._file = file
        self._position = 0
        self.skipped = False
        self.caught_up = False

    def begin(self) -> None:
        """Begin at the first label, or, if the file is too large, at its end."""
        size = self._file.stat().st_size if self._file.exists() else 0
        self.skipped = size > MAX_LABELS_BYTES
        self._position = size if self.skipped else 0
        self.caught_up = False

    def read(self) -> list[Label | EpisodeLabel]:
        """Return the labels of the next whole lines."""
        try:
            with self._file.open("rb") as lines:
                lines.seek(self._position)
                piece = lines.read(MAX_READ_BYTES)
        except FileNotFoundError:
            self.caught_up = True
            return []
        whole = piece[: piece.rfind(b"\n") + 1]
        self._position += len(whole)
        self.caught_up = len(piece) < MAX_READ_BYTES
        return list(_labels(whole))


class AlertTable:
    """Reads one table of anomalies in the order of detection, each row once."""

    def __init__(self, query: str) -> None:
        """Begin at the first row; `query` is the name of a file in `serve/sql`."""
        self._query = statement("spaf.serve", query)
        self._since = EPOCH
        self._seen: dict[tuple[Any, ...], datetime] = {}
        self.caught_up = False

    def begin(self, since: datetime) -> None:
        """Begin at the rows that were detected since a time."""
        self._since = since
        self._seen.clear()

    def read(self, connection: psycopg.Connection) -> list[tuple[Any, ...]]:
        """Return the next rows, without the time of detection."""
        values = {"since": self._since, "limit": MAX_ROWS}
        rows = connection.execute(self._query, values).fetchall()
        self.caught_up = len(rows) < MAX_ROWS
        new = []
        for detected, *row in rows:
            if tuple(row) not in self._seen:
                self._seen[tuple(row)] = detected
                new.append(tuple(row))
        if rows:
            newest = rows[-1][0]
            # Only close to the newest there may be rows that are not visible yet.
            self._since = newest - OVERLAP if self.caught_up else newest
            self._seen = {row: at for row, at in self._seen.items() if at >= newest - OVERLAP}
        return new


class DetectionMetrics:
    """Reads and counts what is new; starts over with each job, which writes its rows again."""

    def __init__(self, run: RunInfo) -> None:
        """Keep where the labels and tables are; nothing is read yet."""
        self._run = run
        self._reader = ReaderConnection(run.access, STATEMENT_TIMEOUT_MS)
        self._job: str | None = None
        self._labels = LabelFile(run.labels)
        self._sales, self._seconds = AlertTable("sale_alerts"), AlertTable("traffic_alerts")
        self._counts = ConfusionCounts()

    def poll(self) -> dict[str, Any] | None:
        """Return the present `score` message; None before there is a label.

        Raises:
            StoreError: PostgreSQL cannot be reached.

        """
        job = self._run.job().id
        if job != self._job:
            self._begin(job)
        try:
            # After a start the whole history is read at once: a part of it has another score.
            while self._read(self._reader.get()) and not self._caught_up:
                pass
        except psycopg.Error as error:
            self.close()
            raise StoreError(f"PostgreSQL: {str(error).strip().splitlines()[0]}") from error
        if self._caught_up:
            self._counts.finalise(clock.monotonic(), clock.now_ms())
        return self._counts.message()

    @property
    def _caught_up(self) -> bool:
        readers = (self._labels, self._sales, self._seconds)
        return all(reader.caught_up for reader in readers)

    def _read(self, connection: psycopg.Connection) -> bool:
        """Read the next alerts, and then the labels: an alert's label is written before it.

        Returns whether anything was new.
        """
        sales = self._sales.read(connection)
        seconds = self._seconds.read(connection)
        at, counts = clock.monotonic(), self._counts
        labels = self._labels.read()
        counts.add_labels(labels, at)
        # Alerts on sales without an id of the load cannot be judged.
        named = ((name, kind) for _, _, kind, name in sales if name is not None)
        counts.add_sale_alerts(named, at)
        # Labels are episodes of seconds; alerts on minutes are not judged.
        counts.add_second_alerts(
            SecondAlert(s, category, kind) for category, s, kind in seconds if kind in SECOND_ALERTS
        )
        return bool(labels or sales or seconds)

    def _begin(self, job: str) -> None:
        self._job, self._counts = job, ConfusionCounts()
        self._labels.begin()
        since = EPOCH
        if self._labels.skipped:
            since = EPOCH + timedelta(milliseconds=clock.now_ms())
        self._sales.begin(since)
        self._seconds.begin(since)
        while not self._labels.caught_up:
            self._counts.add_labels(self._labels.read(), clock.monotonic())

    def close(self) -> None:
        """Close the connection; the next poll opens another."""
        self._reader.close()


class _Line(msgspec.Struct, rename="camel"):
    """A label of a sale or of an episode."""

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
            label = decode(line)
        except msgspec.DecodeError:
            continue  # part of a line, of a load that was killed while it wrote
        if label.transaction_id is not None:
            yield Label(label.transaction_id, label.kind, label.category, label.factor)
        else:
            yield EpisodeLabel(
                label.kind, label.category, label.start_ms, label.end_ms, label.factor
            )
