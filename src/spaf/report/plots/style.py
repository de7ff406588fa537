"""What all plots share: the style, panels, columns, legends, and the SVG that comes out."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# Before the import: where it may keep its cache is nothing for the user to read.
logging.getLogger("matplotlib").setLevel(logging.CRITICAL)

import matplotlib as mpl  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.axis import Axis  # noqa: E402
from matplotlib.figure import Figure as Canvas  # noqa: E402
from matplotlib.rcsetup import cycler  # noqa: E402
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter  # noqa: E402

from spaf.report.language import Language, Words, decimal, number, word  # noqa: E402

# Colours that people with each kind of colour blindness distinguish: M. Okabe and K. Ito, "Color
# Universal Design" (2008). Black is left out: it is the text.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442")
# Of the line at zero and of intervals.
GREY = "#51606b"
# Any: the stubs of matplotlib name the keys, and not those of a dictionary that is built.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#d9dee2",
    "axes.prop_cycle": cycler(color=COLOURS),
    "legend.frameon": False,
    # The same data give the same bytes.
    "svg.hashsalt": "spaf",
}
# Inches; at 100 points an inch this is the plot of a slide of 1280 by 720.
WIDTH, HEIGHT = 11.2, 4.6
# In addition to the colours: lines and points differ in black and white, too.
LONG, TWO_DOTS, WIDE_DOTS = (0, (9, 3)), (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2.5))
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", TWO_DOTS, LONG, WIDE_DOTS)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BAR_WIDTH = 0.62
# Of labels that do not fit next to each other, degrees.
TILT = 40
# Share of the largest value that an axis reaches, so that labels have room.
HEADROOM = 1.35
# Ticks of a logarithmic axis in each decade.
TICKS = (1, 2, 5)

PER_SECOND: Words = ("sales a second", "vendas por segundo")


class Drawing:
    """A row of panels, and the SVG of them."""

    def __init__(self, language: Language, panels: int, height: float) -> None:
        """Make empty panels."""
        self._language = language
        self._canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        self.panels: list[Axes] = list(self._canvas.subplots(1, panels, squeeze=False)[0])

    def svg(self) -> str:
        """Return the SVG element; the same data give the same text."""
        for axes in self.panels:
            for axis in (axes.xaxis, axes.yaxis):
                if type(axis.get_major_formatter()) is ScalarFormatter:
                    axis.set_major_formatter(lambda value, _: decimal(value, self._language))
        buffer = io.StringIO()
        self._canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        svg = buffer.getvalue()
        return svg[svg.index("<svg") :]


@contextmanager
def drawing(
    language: Language, panels: int = 1, *, grid: str = "y", height: float = HEIGHT
) -> Iterator[Drawing]:
    """Yield empty panels with grid lines from one axis; they must be drawn within the block."""
    with mpl.rc_context(STYLE | {"axes.grid.axis": grid}):
        yield Drawing(language, panels, height)


def title(axes: Axes, words: Words, language: Language) -> None:
    """Write the title of a panel."""
    axes.set_title(word(words, language), loc="left", fontweight="bold")


def logarithmic(axis: Axis, language: Language) -> None:
    """Label a logarithmic axis with plain numbers, three a decade."""
    axis.set_major_locator(LogLocator(subs=TICKS))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: decimal(value, language))


def rate_labels(rates: Sequence[str], language: Language) -> list[str]:
    """Return rates as an axis names them: 10,000."""
    return [number(float(rate), 0, language) for rate in rates]


def rate_axis(axes: Axes, language: Language) -> None:
    """Name the axis of rates, and tilt its labels: long ones would overlap."""
    axes.set_xlabel(word(PER_SECOND, language))
    axes.tick_params(axis="x", labelrotation=TILT)


def stack(axes: Axes, groups: Sequence[str], layers: Mapping[str, Sequence[float]]) -> None:
    """Draw a column a group with a piece a layer, the first one at the bottom."""
    below = [0.0] * len(groups)
    for name, values in layers.items():
        axes.bar(groups, values, BAR_WIDTH, bottom=below, label=name, edgecolor="white")
        below = [low + value for low, value in zip(below, values, strict=True)]


def legend(
    axes: Axes, *, top_first: bool = False, heading: str | None = None, of: Axes | None = None
) -> None:
    """Name the colours to the right of a panel; of pieces on each other the top one first.

    Args:
        axes: the panel.
        top_first: whether the last name comes first.
        heading: of the names.
        of: the panel whose colours are named, if it is another one.

    """
    handles, labels = (of or axes).get_legend_handles_labels()
    order = slice(None, None, -1 if top_first else 1)
    axes.legend(
        handles[order], labels[order], title=heading, loc="upper left", bbox_to_anchor=(1, 1)
    )
