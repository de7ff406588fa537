"""Plots of a scored series: files that a browser shows, and characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from spaf.bench.detection.csv_series import CsvSeries, SeriesRow
from spaf.bench.detection.detect import Scored
from spaf.bench.detection.plot import check_plot, terminal_plot, write_plot
from spaf.errors import SettingsError

TITLE = "r$ $x$.csv: 60 rows read as level; 1 flagged"
VALUES = [100.0 + n % 7 for n in range(40)] + [1_000.0] + [100.0] * 19


def scored(number: int, value: float) -> Scored:
    """Return a row with a band, except the first ones, whose history is too short."""
    row = Scored(number, str(number), value, None, None, value > 500)
    if number < 10:
        return row
    return msgspec.structs.replace(row, expected=101.0, score=0.0, low=60.0, high=300.0)


ROWS = [scored(number, value) for number, value in enumerate(VALUES, start=1)]


def series(*, has_times: bool = True, names: tuple[str, ...] = ("",)) -> CsvSeries:
    """Return a series of a row a day, or of steps."""
    begin = 1_704_067_200
    rows = [
        SeriesRow(
            row.row,
            row.row + 1,
            row.timestamp,
            (begin + row.row * 86_400) * 10**6,
            row.value,
            series=names[row.row % len(names)],
        )
        for row in ROWS
    ]
    return CsvSeries("level", rows, has_times=has_times)


def test_svg(tmp_path: Path) -> None:
    """The title as it is, axes and legend as text; the same bytes each time."""
    file = tmp_path / "plot.svg"
    write_plot(file, TITLE, series(), ROWS)
    first = file.read_bytes()
    texts = "".join(ET.fromstring(first).itertext())  # noqa: S314 - our own file
    for text in (TITLE, "value", "expected", "flagged", "time (UTC)"):
        assert text in texts
    write_plot(file, TITLE, series(), ROWS)
    assert file.read_bytes() == first


def test_the_surroundings_change_nothing(tmp_path: Path) -> None:
    """Neither variables nor a file of matplotlib's name in the current folder."""
    write_plot(tmp_path / "here.svg", TITLE, series(), ROWS)
    (tmp_path / "matplotlibrc").write_text("figure.dpi: x\naxes.facecolor: red\n")
    code = (
        "from pathlib import Path; from tests.unit.bench.detection.test_plot import *; "
        "write_plot(Path('there.svg'), TITLE, series(), ROWS)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "MPLBACKEND": "nonsense",
            "MPLCONFIGDIR": "/proc/nowhere",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "there.svg").read_bytes() == (tmp_path / "here.svg").read_bytes()


def test_png(tmp_path: Path) -> None:
    """A picture of several kilobytes."""
    file = tmp_path / "plot.PNG"
    write_plot(file, TITLE, series(has_times=False), ROWS)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_several_series(tmp_path: Path) -> None:
    """Each series is in the legend."""
    file = tmp_path / "plot.svg"
    rows = [
        Scored(r.row, r.timestamp, r.value, None, None, r.flagged, ("a", "b")[r.row % 2])
        for r in ROWS
    ]
    write_plot(file, TITLE, series(names=("a", "b")), rows)
    assert ">a</text>" in file.read_text()
    assert ">b</text>" in file.read_text()


def test_the_vertical_axis_has_the_title_of_the_column(tmp_path: Path) -> None:
    """A reader of the picture sees what was scored, also where the title is no formula."""
    file = tmp_path / "plot.svg"
    named = CsvSeries("level", series().rows, value_name="price in $ or $")
    write_plot(file, TITLE, named, ROWS)
    assert "price in $ or $" in file.read_text()
    assert "price in $ or $" in terminal_plot(TITLE, named, ROWS, 80)


def test_sales(tmp_path: Path) -> None:
    """Sales are points without a line between products, and without a band."""
    sales = CsvSeries("sales", series().rows)
    file = tmp_path / "plot.svg"
    write_plot(file, TITLE, sales, ROWS)
    assert ">band</text>" not in file.read_text()
    assert "x" in terminal_plot(TITLE, sales, ROWS, 80)


def test_terminal() -> None:
    """The flagged row is an x above the level; nothing is wider than the terminal."""
    text = terminal_plot(TITLE, series(), ROWS, 80)
    lines = text.splitlines()
    assert lines[0] == f"{TITLE} (x: flagged, -: band)"
    assert sum(line.count("x") for line in lines[1:]) == 1
    assert any("----------" in line.split("|")[1] for line in lines[3:-2])
    assert all(len(line) <= 80 for line in lines[1:])
    assert terminal_plot(TITLE, series(), ROWS, 80, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("plot.jpg", r"--plot plot\.jpg: the name must end in \.svg or \.png"),
        ("plot", "must end in"),
        ("nowhere/plot.svg", "there is no folder nowhere"),
    ],
)
def test_targets(target: str, message: str) -> None:
    """A target that cannot be written is refused before the scores are computed."""
    with pytest.raises(SettingsError, match=message):
        check_plot(target)
    check_plot("-")
    check_plot("plot.SVG")
