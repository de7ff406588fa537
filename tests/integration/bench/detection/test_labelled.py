"""The job's SQL over files: what the laboratory and `spaf detect` make of it."""

from __future__ import annotations

import contextlib
import csv
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from spaf.bench.detection import batch
from spaf.bench.detection.batch import Batch, files_table
from spaf.bench.detection.csv_series import read_series
from spaf.bench.detection.detect import Scored, detect
from spaf.bench.detection.labelled import score
from spaf.bench.detection.labelled_series import score_corpus
from spaf.bench.detection.series import MIN_FILE_ROWS, SeriesPoint, score_points
from spaf.bench.detection.simulate import SimulatedTraffic
from spaf.bench.progress import no_progress
from spaf.errors import JobError
from spaf.job import build
from spaf.job.build import JobParameters
from spaf.settings import Settings
from spaf.verify.series import SeriesInput, SeriesRule
from tests.support.corpus import write_corpus
from tests.support.scale import scaled

# Seeds of neither the thresholds (1-20) nor the figures (101-120).
SEEDS = range(31, 31 + scaled(2, 20))


def series(folder: Path, values: list[object], header: str = "timestamp,value") -> Path:
    """Write a CSV file with a row a minute."""
    file = folder / "series.csv"
    with file.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(header.split(","))
        for number, value in enumerate(values):
            cells = value if isinstance(value, tuple) else (value,)
            writer.writerow((1_760_000_000 + 60 * number, *cells))
    return file


def flagged(rows: list[Scored]) -> list[int]:
    """Return the places of the flagged rows, from 0."""
    return [row.row - 1 for row in rows if row.flagged]


def rules() -> JobParameters:
    """Return the parameters of the job with the default settings."""
    return batch.parameters(Settings())


@pytest.fixture(autouse=True)
def one_flink(flink: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything here use the process that is there."""
    monkeypatch.setattr(batch, "running", lambda _: contextlib.nullcontext(flink))


@pytest.mark.timeout(scaled(300, 1_800))
def test_laboratory(small_settings: Settings) -> None:
    """Typos, surges and droughts are found; who knows nothing finds next to nothing right."""
    traffics = [SimulatedTraffic(150.0, 400, seed, 0.005, 15.0) for seed in SEEDS]
    scores = score(small_settings, traffics, no_progress)
    ours = scores["ours"].tallies
    for kind in ("high_price", "low_price", "bulk_quantity"):
        assert ours[kind].labelled > 20
        assert ours[kind].right == ours[kind].alerts > 0
        assert ours[kind].found >= 0.95 * ours[kind].labelled
    for kind in ("surge", "drought"):
        assert ours[kind].labelled > 3
        assert ours[kind].found == ours[kind].labelled
        assert ours[kind].right >= 0.9 * ours[kind].alerts
    blind, every = scores["random"], scores["always"]
    assert blind.tallies["high_price"].alerts == ours["high_price"].alerts
    # By chance as many as there are labelled sales among all: some 0.2 %.
    assert blind.tallies["high_price"].right <= 0.02 * blind.tallies["high_price"].alerts
    for kind in ("high_price", "surge", "drought"):
        assert every.tallies[kind].found == every.tallies[kind].labelled == ours[kind].labelled
    assert sum(scores["ours"].false_alerts.values()) == 0
    assert scores["ours"].clean_s == every.clean_s == len(SEEDS) * 340


def test_rate(tmp_path: Path, small_settings: Settings) -> None:
    """A silence of twelve steps is one alert, a score is there for every step with a past."""
    rng = random.Random(1)  # noqa: S311 - a simulation
    counts: list[object] = [sum(rng.random() < 0.2 for _ in range(300)) for _ in range(200)]
    counts[150:162] = [0] * 12
    rows = detect(small_settings, read_series(series(tmp_path, counts)))
    assert len(rows) == 200
    assert flagged(rows) == [150]
    assert rows[11].score is None
    assert all(row.score is not None for row in rows[12:])
    # What is not flagged again, because the run was reported, deviates all the same.
    assert rows[152].score == 0
    assert (rows[150].deviation or 0) < -4.8
    assert (rows[152].deviation or 0) < -2
    assert rows[150].expected == pytest.approx(60, rel=0.1)
    assert (rows[150].low or 0) > 0
    assert (rows[150].low or 0) < 60 < (rows[150].high or 0) < 120


def test_level(tmp_path: Path, small_settings: Settings) -> None:
    """A tenfold level is found, below zero as well, and expected is in the file's own unit."""
    rng = random.Random(2)  # noqa: S311 - a simulation
    levels = [round(100 + rng.gauss(0, 2), 2) for _ in range(80)]
    levels[60] = 2_000
    usual = read_series(series(tmp_path, list(levels)))
    shifted = [
        replace(row, row=row.row + 80, value=row.value - 1_000, series="below")
        for row in usual.rows
    ]
    rows = detect(small_settings, replace(usual, rows=[*usual.rows, *shifted]))
    assert flagged(rows) == [60, 140]
    assert rows[60].expected == pytest.approx(100, abs=5)
    assert rows[140].expected == pytest.approx(-900, abs=5)
    assert rows[0].score is rows[80].score is None
    assert rows[60].score == max(row.score or 0 for row in rows[:80])


def test_the_rule_for_series_is_that_of_the_verifier(
    flink: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SQL and the Python of the verifier say the same of every row, whatever the series.

    The rows go to the partitions that the job sends them to, which keeps their state alive.
    """
    monkeypatch.setattr(build, "OWN_HOUR", rules().placeholders()["touched_hours"])
    rng = random.Random(3)  # noqa: S311 - a simulation
    kinds: dict[str, Callable[[int], float]] = {
        "noise": lambda _: rng.gauss(100, 10),
        "constant": lambda row: 45.0 + (row == 400),
        "cycle": lambda row: 100 + 50 * (row // 6 % 24 > 11) + rng.gauss(0, 3),
        "week": lambda row: 100 + 90 * (row // 144 % 7 > 4) * (row // 6 % 24 > 11) + rng.random(),
        "spikes": lambda _: 5_000.0 * (rng.random() < 0.02),
        "large": lambda row: 3e15 + rng.gauss(0, 1e12) + 1e14 * (row > 1_500),
    }
    points = []
    for name, value in kinds.items():
        for number in range(2_400):
            x = float(round(value(number), 3))
            points.append(SeriesPoint(name, number, 600 * number, x, x * (name == "spikes")))
    found = {
        (score.series, score.row_index): score
        for score in score_points(flink, rules(), points, tmp_path)
    }
    assert len(found) == len(points)
    alerts = 0
    states = {name: SeriesRule(4.8, MIN_FILE_ROWS) for name in kinds}
    for point in points:
        time = datetime.fromtimestamp(point.epoch_s, UTC)
        slot = time.hour + 24 * (time.weekday() > 4)
        row = SeriesInput(point.value, point.events, point.epoch_s // 3_600, slot)
        verdict, one = states[point.series].add(row), found[point.series, point.row_index]
        if verdict.borderline:
            continue
        assert one.deviation == pytest.approx(verdict.deviation, rel=1e-6, abs=1e-6), point
        assert one.expected == pytest.approx(verdict.expected, rel=1e-9, abs=1e-6), point
        assert one.flagged == verdict.flagged, point
        alerts += one.flagged
    assert alerts >= 3


def test_a_corpus_is_scored(tmp_path: Path, small_settings: Settings) -> None:
    """The anomaly of each file is found; a random detector is far below."""
    names = ("level/a.csv", "level/b.csv", "count/c.csv", "count/d.csv")
    write_corpus(tmp_path, names, 900)
    result = score_corpus(small_settings, tmp_path, no_progress)
    ours = result.parts["all"]
    assert (ours.files, ours.windows, ours.found) == (4, 4, 4)
    assert ours.at_setting["standard"] > 80
    assert ours.profiles["standard"].score >= ours.at_setting["standard"]
    assert result.parts["random"].at_setting["standard"] < 40
    assert result.reasons == []


def test_sales(tmp_path: Path, small_settings: Settings) -> None:
    """Each product has its own history; both price and quantity are compared."""
    sales: list[object] = [(f"p{n % 2}", (10.0, 900.0)[n % 2], 1) for n in range(60)]
    sales[40], sales[41], sales[50] = ("p0", 1_000.0, 1), ("p1", 90.0, 1), ("p0", 10.0, 80)
    file = series(tmp_path, sales, "timestamp,productId,productPrice,productQuantity")
    rows = detect(small_settings, read_series(file))
    assert flagged(rows) == [40, 41, 50]
    scores = [rows[place].score or 0 for place in (40, 41, 50)]
    assert scores[0] > 5
    assert scores[1] < -5
    assert scores[2] > 5
    assert rows[40].expected == pytest.approx(10, abs=0.2)


def test_what_flink_refuses_is_said(flink: Batch, tmp_path: Path) -> None:
    """A statement that cannot run is an error with Flink's reason, and the process goes on."""
    with pytest.raises(JobError, match="nothing_here"):
        flink.run(["CREATE TEMPORARY VIEW v AS SELECT * FROM nothing_here"])
    source = tmp_path / "rows.json"
    source.write_text('{"a": 1}\n')
    flink.run(
        [
            files_table("source_row", "a INT", source),
            files_table("target_row", "a INT", tmp_path / "out"),
            "INSERT INTO target_row SELECT a FROM source_row",
        ]
    )
    assert list((tmp_path / "out").iterdir())
