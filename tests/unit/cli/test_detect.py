"""`spaf detect`: what it says about a file, and where; the scores themselves come from Flink."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from spaf.bench.detection.csv_series import CsvSeries
from spaf.bench.detection.detect import Scored
from spaf.bench.progress import Progress
from spaf.cli import detect, main
from spaf.settings import Settings
from tests.support.csv_exports import PLANTED, exports

FOUND = (
    "UTF-8; delimiter ;; decimal comma; time: data, day first, zone UTC; value: valor; kind level; "
    "61 rows read, 60 to score, 1 dropped (1 below the table)"
)


def ten_times(_: Settings, series: CsvSeries, _progress: Progress) -> list[Scored]:
    """Flag what is ten times the first value; twelve rows have no score."""
    usual = series.rows[0].value
    return [
        Scored(r.row, r.timestamp, r.value, usual, None if n < 12 else 0.0, r.value > 5 * usual)
        for n, r in enumerate(series.rows)
    ]


@pytest.fixture
def taxa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of the central bank, and have nothing start."""
    monkeypatch.setattr(detect, "score", ten_times)
    file = tmp_path / "taxa.csv"
    file.write_bytes(exports()["central bank of Brazil"].content)
    return file


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command as a process does, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["spaf", "detect", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


@pytest.mark.usefixtures("bare")
def test_the_table(
    taxa: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found is one line on standard error; the result is on standard output."""
    scores = taxa.parent / "scores.csv"
    plot = taxa.parent / "plot.svg"
    assert run(monkeypatch, str(taxa), "--out", str(scores), "--plot", str(plot)) == 0
    printed = capsys.readouterr()
    assert printed.err.strip() == f"taxa.csv: {FOUND}"
    assert printed.out.startswith("taxa.csv: 60 rows read as level; 48 scored, 1 flagged\n")
    with scores.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows if row["flagged"] == "True"] == [str(PLANTED)]
    assert list(rows[0])[:6] == ["row", "timestamp", "value", "expected", "score", "flagged"]
    assert plot.read_text().startswith("<?xml")


@pytest.mark.usefixtures("bare")
def test_json_and_a_plot_in_the_terminal(
    taxa: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is one JSON object; the plot goes to standard error, as the line does."""
    assert run(monkeypatch, str(taxa), "--json", "--plot", "-", "--kind", "level") == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["rows_read"], found["rows"], found["flagged"]) == (61, 60, 1)
    assert found["dropped"] == {"below the table": 1}
    assert "; ".join(found["assumptions"]) == FOUND
    assert "(x: flagged, -: band)" in printed.err


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plot", "plot.jpg"), "the name must end in .svg or .png"),
        (("--value", "price"), "no column price for --value; there are data, valor."),
        (("--date-order", "mdy"), "column data: '13/01/2024' is no time stamp."),
        (("--decimal", "point"), "--decimal comma overrules it."),
        (("--out", "nowhere/scores.csv"), "--out nowhere/scores.csv: cannot be written"),
    ],
)
def test_mistakes(
    taxa: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    """Each is a message with exit code 2."""
    assert run(monkeypatch, str(taxa), *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("bare")
def test_a_short_file(
    taxa: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without enough history says so."""
    taxa.write_text("date,value\n2024-01-01,5\n")
    assert run(monkeypatch, str(taxa)) == 0
    printed = capsys.readouterr()
    assert "No row has a score, because the history is too short." in printed.err
    assert "1 row read as rate; 0 scored, 0 flagged" in printed.out
