"""The job's rules over a CSV file of the user, in batch: the same SQL text, a score for each row.

The SQL runs twice over the rows: with its thresholds, which gives the rows that the job would
report, and with thresholds of 0, which gives the score of every row that has one.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from spaf.bench.detection import batch
from spaf.bench.detection.batch import files_table, rows, statement
from spaf.bench.detection.csv_series import LEVEL, RATE, SALES, CsvSeries
from spaf.errors import SettingsError
from spaf.job import build
from spaf.settings import Settings

# Numbers of the views that judge: sales, and traffic behind its count.
SALE_VIEWS, TRAFFIC_VIEWS = range(150, 160), range(171, 190)
# The rule for prices uses the logarithm of whole cents. Levels are scaled so that their median is
# MEDIAN_CENTS, which keeps six digits of each; none may exceed MAX_CENTS.
MEDIAN_CENTS, MAX_CENTS = 10**6, 10**15


class Scored(msgspec.Struct, frozen=True):
    """A row with its score: None while the history is too short, 0 without a deviation."""

    row: int
    timestamp: str
    value: float
    expected: float | None
    score: float | None
    flagged: bool
    series: str = ""


def detect(settings: Settings, series: CsvSeries) -> list[Scored]:
    """Return the rows with the scores that the job's SQL gives them, in order.

    Raises:
        SettingsError: the values of a level are too far apart.
        JobError: Flink refused the SQL.

    """
    rules = batch.parameters(settings)
    with TemporaryDirectory(prefix="spaf-detect-") as name:
        folder = Path(name)
        _write(series, folder / "rows.json")
        with batch.running(folder / "flink.log") as flink:
            flink.run(list(_statements(series, rules, folder, folder / "flagged")))
            every = replace(rules, outlier_score=0.0, surge_score=0.0)
            flink.run(list(_statements(series, every, folder, folder / "every", cool_down_s=0)))
        flagged = {alert["row_index"]: alert for alert in rows(folder / "flagged")}
        scored = {alert["row_index"]: alert for alert in rows(folder / "every")} | flagged
    first = min(scored, default=len(series.rows))
    scale = _scale(series)
    # The first rows have no score, because their history is too short.
    scores: dict[int, float] = dict.fromkeys(range(first + 1, len(series.rows)), 0.0)
    scores |= {row_index: alert["score"] for row_index, alert in scored.items()}
    expected = {
        row_index: _expected(alert, series.kind, scale) for row_index, alert in scored.items()
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
        )
        for n, row in enumerate(series.rows)
    ]


def _statements(
    series: CsvSeries,
    rules: build.JobParameters,
    folder: Path,
    answers: Path,
    cool_down_s: int = build.COOL_DOWN_S,
) -> Iterator[str]:
    """Yield the statements that run the job's views over the rows and write what they report."""
    traffic = series.kind == RATE
    yield files_table("csv_row", _COLUMNS, folder / "rows.json")
    yield statement("create_traffic" if traffic else "create_sales")
    placeholders = {**rules.placeholders(), "cool_down_s": str(cool_down_s)}
    wanted = TRAFFIC_VIEWS if traffic else SALE_VIEWS
    for path in sorted(files("spaf.job").joinpath("sql").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".sql") and int(path.name[:3]) in wanted:
            yield build.render(path.name, path.read_text(), placeholders)
    yield files_table("found", "row_index BIGINT, expected DOUBLE, score DOUBLE", answers)
    yield statement("insert_traffic_scores" if traffic else "insert_sale_scores")


_COLUMNS = (
    "row_index BIGINT, number BIGINT, quantity BIGINT, "
    "product STRING, category STRING, currency STRING"
)


def _write(series: CsvSeries, file: Path) -> None:
    """Write the rows as whole numbers: counts, or cents."""
    scale = _scale(series)
    with file.open("w", encoding="utf-8") as out:
        for row_index, row in enumerate(series.rows):
            number = round((row.value - scale.offset) * scale.factor)
            if number > MAX_CENTS:
                raise SettingsError(f"line {row.line}: {row.value:g} is too far from the others.")
            columns = {
                "row_index": row_index,
                "number": number,
                "quantity": row.quantity,
                "product": row.product or "series",
                "category": row.category or "series",
                "currency": row.currency or "XXX",
            }
            out.write(json.dumps(columns) + "\n")


class _Scale(NamedTuple):
    """How a value becomes a whole number: (value - offset) * factor."""

    offset: float
    factor: float


def _scale(series: CsvSeries) -> _Scale:
    """Return the scale: counts stay, prices become cents, levels become positive numbers.

    A logarithm needs positive numbers. A series with others is shifted until its smallest value is
    as far above 0 as the largest value is above the smallest.
    """
    if series.kind == RATE:
        return _Scale(0.0, 1.0)
    if series.kind == SALES:
        return _Scale(0.0, 100.0)
    values = [row.value for row in series.rows]
    low, high = min(values), max(values)
    offset = 0.0 if low > 0 else 2 * low - high
    middle = statistics.median(values) - offset
    return _Scale(offset, MEDIAN_CENTS / middle if middle else 1.0)


def _expected(alert: dict[str, Any], kind: str, scale: _Scale) -> float:
    """Return the expected value in the unit of the file; of sales it is the whole amount."""
    value: float = alert["expected"]
    # The views give amounts in currency units, a hundredth of their cents.
    return value * 100 / scale.factor + scale.offset if kind == LEVEL else value
