"""The job's rules over a file of one's own, in batch: the same SQL text, a score for each row.

The SQL runs twice over the rows: with its thresholds, which says what the job would report, and
with thresholds of nothing, which says the score of every row that has one.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spaf.bench.detection import batch
from spaf.bench.detection.batch import files_table, rows, statement
from spaf.bench.detection.csv_series import LEVEL, RATE, SALES, CsvSeries
from spaf.errors import SettingsError
from spaf.job import build
from spaf.settings import Settings

# Numbers of the views that judge: sales, and traffic behind its count.
SALE_VIEWS, TRAFFIC_VIEWS = range(150, 160), range(171, 190)
# The rule for prices works on the logarithm of whole cents: levels are scaled so that the median is
# this many, which keeps six digits of each, and none may be more than the second.
MEDIAN_CENTS, MAX_CENTS = 10**6, 10**15


@dataclass(frozen=True)
class Scored:
    """A row with its score: None while there is too little past, 0 where all is as usual."""

    row: int
    timestamp: str
    value: float
    expected: float | None
    score: float | None
    flagged: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json and for a file."""
        return asdict(self)


def detect(settings: Settings, series: CsvSeries) -> list[Scored]:
    """Return the rows with the scores that the job's SQL gives them, in order.

    Raises:
        SettingsError: the values of a level lie too far apart.
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
        flagged = {found["place"]: found for found in rows(folder / "flagged")}
        scored = {found["place"]: found for found in rows(folder / "every")} | flagged
    first = min(scored, default=len(series.rows))
    scale = _scale(series)
    return [
        Scored(
            place + 1,
            row.timestamp,
            row.value,
            _expected(scored[place], series.kind, scale) if place in scored else None,
            scored[place]["score"] if place in scored else (0.0 if place > first else None),
            place in flagged,
        )
        for place, row in enumerate(series.rows)
    ]


def _statements(
    series: CsvSeries,
    rules: build.JobParameters,
    folder: Path,
    answers: Path,
    cool_down_s: int = build.COOL_DOWN_S,
) -> Iterator[str]:
    """Yield what runs the job's views over the rows and writes what they find to a folder."""
    traffic = series.kind == RATE
    yield files_table("csv_row", _COLUMNS, folder / "rows.json")
    yield statement("create_traffic" if traffic else "create_sales")
    placeholders = {**rules.placeholders(), "cool_down_s": str(cool_down_s)}
    wanted = TRAFFIC_VIEWS if traffic else SALE_VIEWS
    for path in sorted(files("spaf.job").joinpath("sql").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".sql") and int(path.name[:3]) in wanted:
            yield build.render(path.name, path.read_text(), placeholders)
    yield files_table("found", "place BIGINT, expected DOUBLE, score DOUBLE", answers)
    yield statement("insert_traffic_scores" if traffic else "insert_sale_scores")


_COLUMNS = (
    "place BIGINT, number BIGINT, quantity BIGINT, product STRING, category STRING, currency STRING"
)


def _write(series: CsvSeries, file: Path) -> None:
    """Write the rows as whole numbers: counts, or cents."""
    scale = _scale(series)
    with file.open("w", encoding="utf-8") as out:
        for place, row in enumerate(series.rows):
            number = round((row.value - scale.offset) * scale.factor)
            if number > MAX_CENTS:
                raise SettingsError(f"line {row.line}: {row.value:g} lies too far from the others.")
            columns = {
                "place": place,
                "number": number,
                "quantity": row.quantity,
                "product": row.product or "series",
                "category": row.category or "series",
                "currency": row.currency or "XXX",
            }
            out.write(json.dumps(columns) + "\n")


@dataclass(frozen=True)
class _Scale:
    """How a value becomes a whole number: (value - offset) * factor."""

    offset: float
    factor: float


def _scale(series: CsvSeries) -> _Scale:
    """Return what makes counts of counts, cents of prices, and positive numbers of levels.

    A rule of logarithms knows no numbers below 0. A series that has some is moved up until its
    smallest value is as far above 0 as the largest is above the smallest.
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


def _expected(found: dict[str, Any], kind: str, scale: _Scale) -> float:
    """Return what the rule expected, in the file's own unit; of sales it is the whole amount."""
    value: float = found["expected"]
    # The views give amounts in currency units, a hundredth of their cents.
    return value * 100 / scale.factor + scale.offset if kind == LEVEL else value
