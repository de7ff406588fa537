"""A plot of a scored series, with its band and alerts, as a file or in the terminal."""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spaf.bench.detection.csv_series import SALES, CsvSeries
from spaf.bench.detection.detect import Scored
from spaf.errors import SettingsError
from spaf.files import write_atomically

# The name that stands for the terminal.
TERMINAL = "-"
FORMATS = (".svg", ".png")
# Inches, dots an inch, and lines of a plot in the terminal.
_SIZE, _DPI, _LINES = (11.0, 4.5), 120, 16
# More points than this are one picture inside an SVG file, which would grow by 20 bytes a point.
_MAX_VECTOR_POINTS = 20_000
# Characters left of a plot in the terminal: the numbers and names of its axes.
_MARGIN, _MIN_WIDTH = 22, 20
# Names of series in the legend, and the share of the height above and below the values.
_MAX_NAMES, _HEADROOM = 10, 0.08
_ALERT, _VALUE, _EXPECTED = "#c62828", "#37474f", "#1e88e5"


def check_plot(target: str) -> None:
    """Refuse a target that no plot can be written to, before the scores are computed.

    Raises:
        SettingsError: it has another ending, or its folder is missing.

    """
    if target == TERMINAL:
        return
    file = Path(target)
    if file.suffix.lower() not in FORMATS:
        raise SettingsError(
            f"--plot {target}: the name must end in {' or '.join(FORMATS)}.",
            todo=f"Or {TERMINAL} for a plot in the terminal.",
        )
    if not file.parent.is_dir():
        raise SettingsError(f"--plot {target}: there is no folder {file.parent}.")


def write_plot(file: Path, title: str, series: CsvSeries, rows: Sequence[Scored]) -> None:
    """Write a plot as SVG or PNG; an existing file is replaced.

    Raises:
        SettingsError: the file cannot be written.

    """
    # The user's variables and files change nothing and are no warning.
    os.environ.pop("MPLBACKEND", None)
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    # Slow, and only needed here.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    kind = file.suffix.lower().removeprefix(".")
    content = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "spaf"})
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        _draw(axes, series, rows)
        axes.set_title(_plain(title), loc="left")
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
        figure.savefig(content, format=kind, dpi=_DPI, metadata=metadata)
    try:
        write_atomically(file, content.getvalue())
    except OSError as failure:
        raise SettingsError(f"--plot {file}: cannot be written: {failure.strerror}.") from None


def _draw(axes: Any, series: CsvSeries, rows: Sequence[Scored]) -> None:
    places = _places(series)
    rasterized = len(rows) > _MAX_VECTOR_POINTS
    names = _names(series)
    for number, name in enumerate(names):
        own = [row for row in rows if row.series == name]
        xs = [places[row.row] for row in own]
        axes.plot(
            xs,
            [row.value for row in own],
            # Sales are points: the next sale is that of another product.
            "." if series.kind == SALES else "-",
            label=_plain(name or "value") if number < _MAX_NAMES else None,
            color=None if name else _VALUE,
            linewidth=0.9,
            markersize=3,
            rasterized=rasterized,
        )
        if series.kind == SALES:
            continue
        first = number == 0
        axes.plot(
            xs,
            [math.nan if row.expected is None else row.expected for row in own],
            label="expected" if first else None,
            color=_EXPECTED,
            linewidth=0.9,
            alpha=0.7,
            rasterized=rasterized,
        )
        axes.fill_between(
            xs,
            [math.nan if row.low is None else row.low for row in own],
            [math.nan if row.high is None else row.high for row in own],
            label="band" if first else None,
            color=_EXPECTED,
            alpha=0.12,
            linewidth=0,
            rasterized=rasterized,
        )
    flagged = [row for row in rows if row.flagged]
    axes.scatter(
        [places[row.row] for row in flagged],
        [row.value for row in flagged],
        label="flagged",
        color=_ALERT,
        marker="o",
        s=28,
        zorder=3,
    )
    axes.set_ylim(*_limits(rows))
    axes.set_xlabel("time (UTC)" if series.has_times else "row")
    axes.set_ylabel(_plain(series.value_name))
    axes.grid(visible=True, alpha=0.25)
    axes.legend(loc="upper left", fontsize="small")


def _limits(rows: Sequence[Scored]) -> tuple[float, float]:
    """Return the vertical limits: those of the values, because a band may be far wider."""
    low, high = min(row.value for row in rows), max(row.value for row in rows)
    margin = _HEADROOM * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def terminal_plot(
    title: str, series: CsvSeries, rows: Sequence[Scored], width: int, *, ascii_only: bool = False
) -> str:
    """Return a plot in characters: Braille dots, - for the band, and x for what is flagged."""
    import plotille  # noqa: PLC0415 - only needed here

    places = _places(series)
    low, high = _limits(rows)
    figure = plotille.Figure()
    figure.width, figure.height = max(_MIN_WIDTH, width - _MARGIN), _LINES
    figure.with_colors, figure.origin = False, False
    figure.set_y_limits(low, high)
    figure.x_label, figure.y_label = ("UTC" if series.has_times else "row"), series.value_name
    figure.register_label_formatter(float, _number)
    figure.register_label_formatter(int, _number)
    edges = [
        (places[row.row], edge)
        for row in rows
        for edge in (row.low, row.high)
        if edge is not None and low < edge < high
    ]
    flagged = [(places[row.row], row.value) for row in rows if row.flagged]
    if edges:
        figure.scatter(*zip(*edges, strict=True), marker="-")
    for name in _names(series):
        own = [row for row in rows if row.series == name]
        points = [places[row.row] for row in own], [row.value for row in own]
        if series.kind == SALES:
            figure.scatter(*points)
        else:
            figure.plot(*points)
    if flagged:
        figure.scatter(*zip(*flagged, strict=True), marker="x")
    lines = [f"{title} (x: flagged, -: band)", *figure.show().splitlines()]
    text = "\n".join(line.replace("\u2800", " ").rstrip() for line in lines)
    return "".join("*" if "\u2800" < c <= "\u28ff" else c for c in text) if ascii_only else text


def _number(value: float, chars: int, **_: Any) -> str:
    """Return a number of the vertical axis."""
    return f"{value:,.6g}"[:chars].rjust(chars)


def _names(series: CsvSeries) -> list[str]:
    return sorted({row.series for row in series.rows})


def _places(series: CsvSeries) -> dict[int, Any]:
    """Return the place of each row on the horizontal axis: its time, or its number."""
    if not series.has_times:
        return {row.row: row.row for row in series.rows}
    return {row.row: datetime.fromtimestamp(row.epoch_us / 1e6, UTC) for row in series.rows}


def _plain(text: str) -> str:
    """Return a text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
