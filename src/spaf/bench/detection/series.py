"""The job's rule for series over points in files, in batch: the same SQL text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec

from spaf.bench.detection.batch import Batch, files_table, rows, statement
from spaf.job import build

# Numbers of the views of the rule, behind the one that gives the job's own series.
SERIES_VIEWS = range(191, 200)
# Rows of history before the first one is scored: a file is short, a shop is not.
MIN_FILE_ROWS = 12
HOUR_S = 3_600
# Days of the week from here on are a weekend; Monday is 0.
WEEKEND = 5


class SeriesPoint(NamedTuple):
    """A row of a series."""

    series: str
    row_index: int
    """From 0, without gaps."""
    epoch_s: int
    """Its time; only the hour counts."""
    value: float
    events: float
    """The value of a count, whose smallest scale is that of chance; 0 for any other number."""


class PointScore(msgspec.Struct, frozen=True):
    """What the rule says about a point."""

    series: str
    row_index: int
    expected: float
    scale: float
    deviation: float
    score: float
    """The deviation, or 0 while an earlier alert stands for it."""
    flagged: bool
    """Whether the score is beyond the threshold."""

    def band(self, threshold: float) -> tuple[float, float]:
        """Return the range of values that are no spike at a threshold."""
        margin = threshold * self.scale
        return self.expected - margin, self.expected + margin


def score_points(
    flink: Batch, parameters: build.JobParameters, points: Iterable[SeriesPoint], folder: Path
) -> Iterator[PointScore]:
    """Yield the scores of points, in no order.

    Args:
        flink: runs the SQL.
        parameters: of the job.
        points: in any order of the series.
        folder: for the files of the query.

    Raises:
        JobError: Flink refused the SQL.

    """
    with (folder / "points.json").open("wb") as out:
        for point in points:
            time = datetime.fromtimestamp(point.epoch_s, UTC)
            columns = {
                "series": point.series,
                "row_index": point.row_index,
                "number": point.value,
                "events": point.events,
                "hour_index": point.epoch_s // HOUR_S,
                "hour_slot": time.hour + build.HOURS * (time.weekday() >= WEEKEND),
            }
            out.write(msgspec.json.encode(columns) + b"\n")
    flink.run(list(_statements(parameters, folder)))
    for row in rows(folder / "scored"):
        yield msgspec.convert(row, PointScore)


def _statements(parameters: build.JobParameters, folder: Path) -> Iterator[str]:
    columns = (
        "series STRING, row_index BIGINT, number DOUBLE, events DOUBLE, "
        "hour_index BIGINT, hour_slot INT"
    )
    yield files_table("point", columns, folder / "points.json")
    yield statement("create_series")
    placeholders = {
        **parameters.placeholders(),
        "min_series_rows": str(MIN_FILE_ROWS),
        "touched_hours": build.OWN_HOUR,
    }
    for path in sorted(files("spaf.job").joinpath("sql").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".sql") and int(path.name[:3]) in SERIES_VIEWS:
            yield build.render(path.name, path.read_text(), placeholders)
    schema = (
        "series STRING, row_index BIGINT, expected DOUBLE, scale DOUBLE, "
        "deviation DOUBLE, score DOUBLE, flagged BOOLEAN"
    )
    yield files_table("scored_point", schema, folder / "scored")
    yield statement("insert_series_scores")
