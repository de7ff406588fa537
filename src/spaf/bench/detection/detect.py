"""The job's rules over a file of the user, in batch: the same SQL text, a score for each row.

Rates and levels are series of points. Sales are judged by the views for sales, which run twice:
with their thresholds, which gives the rows that the job would report, and with thresholds of 0,
which gives the score of every row that has one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from spaf.bench.detection import batch
from spaf.bench.detection.batch import Batch, files_table, rows, statement
from spaf.bench.detection.csv_series import RATE, SALES, CsvSeries
from spaf.bench.detection.series import MIN_FILE_ROWS, SeriesPoint, score_points
from spaf.bench.progress import Progress, no_progress
from spaf.job import build
from spaf.sale.anomaly_kinds import KINDS
from spaf.settings import Settings

# Numbers of the views that judge sales.
SALE_VIEWS = range(150, 160)
MICROSECONDS = 1_000_000
CENTS = 100
PRICE_KINDS = {kind.name for kind in KINDS if kind.measure == "price"}


class Scored(msgspec.Struct, frozen=True):
    """A row with its score: None while the history is too short, 0 without a deviation."""

    row: int
    timestamp: str
    value: float
    expected: float | None
    score: float | None
    """In a series 0 as well while an earlier alert stands for the row."""
    flagged: bool
    series: str = ""
    low: float | None = None
    """Of a series: from here to `high` a value is no spike."""
    high: float | None = None
    deviation: float | None = None
    """Of a series: the score of the row for itself."""
    kind: str = ""
    """Of a flagged sale: whether its price or its quantity is unusual."""


def detect(settings: Settings, series: CsvSeries, progress: Progress = no_progress) -> list[Scored]:
    """Return the rows with the scores that the job's SQL gives them, in order.

    Args:
        settings: the thresholds.
        series: the rows.
        progress: is called with each step, which takes seconds.

    Raises:
        JobError: Flink refused the SQL.

    """
    judge = _sales if series.kind == SALES else _series
    with TemporaryDirectory(prefix="spaf-detect-") as name:
        folder = Path(name)
        progress("starting Flink")
        with batch.running(folder / "flink.log") as flink:
            return judge(flink, settings, series, folder, progress)


def _series(
    flink: Batch, settings: Settings, series: CsvSeries, folder: Path, progress: Progress
) -> list[Scored]:
    """Score the rows of a rate or a level; each series of the file by itself."""
    points = list(_points(series))
    progress(f"scoring {len(points):,} rows")
    every = score_points(flink, batch.parameters(settings), points, folder)
    scores = {(score.series, score.row_index): score for score in every}
    scored = []
    for row, point in zip(series.rows, points, strict=True):
        result = Scored(
            row.row, row.timestamp, row.value, None, None, flagged=False, series=row.series
        )
        if point.row_index >= MIN_FILE_ROWS:
            verdict = scores[point.series, point.row_index]
            low, high = verdict.band(settings.job.series_score)
            result = msgspec.structs.replace(
                result,
                expected=verdict.expected,
                score=verdict.score,
                flagged=verdict.flagged,
                low=low,
                high=high,
                deviation=verdict.deviation,
            )
        scored.append(result)
    return scored


def _points(series: CsvSeries) -> Iterator[SeriesPoint]:
    """Yield a point a row; a file without times has no hours, and so no seasonality."""
    counts: Counter[str] = Counter()
    for row in series.rows:
        epoch_s = row.epoch_us // MICROSECONDS if series.has_times else 0
        events = row.value if series.kind == RATE else 0.0
        yield SeriesPoint(row.series, counts[row.series], epoch_s, row.value, events)
        counts[row.series] += 1


def _sales(
    flink: Batch, settings: Settings, series: CsvSeries, folder: Path, progress: Progress
) -> list[Scored]:
    """Score sales by price and quantity."""
    rules = batch.parameters(settings)
    _write(series, folder / "rows.json")
    progress(f"finding unusual sales among {len(series.rows):,}")
    flink.run(list(_statements(rules, folder, folder / "flagged")))
    progress(f"scoring {len(series.rows):,} sales")
    flink.run(list(_statements(replace(rules, outlier_score=0.0), folder, folder / "every")))
    flagged = {alert["row_index"]: alert for alert in rows(folder / "flagged")}
    scored = {alert["row_index"]: alert for alert in rows(folder / "every")} | flagged
    first = min(scored, default=len(series.rows))
    # The first rows have no score, because their history is too short.
    scores: dict[int, float] = dict.fromkeys(range(first + 1, len(series.rows)), 0.0)
    scores |= {row_index: alert["score"] for row_index, alert in scored.items()}
    # The job expects the amount of the sale; a file has the price of one piece.
    expected = {
        n: alert["expected"] / (series.rows[n].quantity if alert["kind"] in PRICE_KINDS else 1)
        for n, alert in scored.items()
    }
    return [
        Scored(
            row.row,
            row.timestamp,
            row.value,
            expected.get(n),
            scores.get(n),
            n in flagged,
            row.series,
            kind=flagged[n]["kind"] if n in flagged else "",
        )
        for n, row in enumerate(series.rows)
    ]


def _statements(rules: build.JobParameters, folder: Path, answers: Path) -> Iterator[str]:
    """Yield the statements that run the job's views over sales and write what they report."""
    columns = (
        "row_index BIGINT, number BIGINT, quantity BIGINT, "
        "product STRING, category STRING, currency STRING"
    )
    yield files_table("csv_row", columns, folder / "rows.json")
    yield statement("create_sales")
    placeholders = rules.placeholders()
    for path in sorted(files("spaf.job").joinpath("sql").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".sql") and int(path.name[:3]) in SALE_VIEWS:
            yield build.render(path.name, path.read_text(), placeholders)
    yield files_table(
        "found", "row_index BIGINT, expected DOUBLE, score DOUBLE, kind STRING", answers
    )
    yield statement("insert_sale_scores")


def _write(series: CsvSeries, file: Path) -> None:
    """Write the sales, their prices as whole cents."""
    with file.open("w", encoding="utf-8") as out:
        for row_index, row in enumerate(series.rows):
            columns = {
                "row_index": row_index,
                "number": round(row.value * CENTS),
                "quantity": row.quantity,
                "product": row.product,
                "category": row.category or "series",
                "currency": row.currency or "XXX",
            }
            out.write(json.dumps(columns) + "\n")
