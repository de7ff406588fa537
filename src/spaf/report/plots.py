"""The plots of report and talk, as SVG, in one style for paper and for colour-blind eyes.

Each takes the figures and the language. A figure that is missing raises `FigureError`: the caller
shows its reason in place of the plot.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Before the import: where it may keep its cache is nothing for the user to read.
logging.getLogger("matplotlib").setLevel(logging.CRITICAL)

import matplotlib as mpl  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure as Canvas  # noqa: E402
from matplotlib.rcsetup import cycler  # noqa: E402

from spaf.report.figures import Figures  # noqa: E402
from spaf.report.language import Language, number  # noqa: E402

# Eight colours that people with each kind of colour blindness tell apart: M. Okabe and K. Ito,
# "Color Universal Design" (2008); black is left out, it is the text.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442")
# Any: the stubs of matplotlib name the keys, and not those of a dictionary that is built.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#d9dee2",
    "axes.prop_cycle": cycler(color=COLOURS),
    "legend.frameon": False,
    # The same data give the same bytes.
    "svg.hashsalt": "spaf",
}
# Inches; at 100 points an inch this is the plot of a slide of 1280 by 720.
SIZE = (11.2, 4.6)
BAR_WIDTH = 0.62
# Share of the largest value that the axis reaches, so that labels and legend have room.
HEADROOM = 1.35
HOPS = {
    "due_sent": ("due → sent", "prevista → enviada"),
    "sent_appended": ("→ in Kafka", "→ no Kafka"),
    "appended_written": ("→ computed by Flink", "→ calculada pelo Flink"),
    "written_visible": ("→ visible in PostgreSQL", "→ visível no PostgreSQL"),
}
SERVICES = ("kafka", "jobmanager", "taskmanager", "postgres", "locust", "serve", "quarantine")
LIMITS = {
    "scan": ("counting records only", "só contar registros"),
    "decode": ("decoding the JSON too", "decodificar o JSON também"),
}
DETECTORS = {
    "": ("SPAF", "SPAF"),
    "random.": ("random", "aleatório"),
    "always.": ("always", "sempre"),
}
Words = tuple[str, str]


def _word(words: Words, language: Language) -> str:
    return words[language is Language.pt]


def rates_of(figures: Figures) -> list[str]:
    """Return the measured rates in order, as the names of figures write them.

    Raises:
        FigureError: there is no valid result.

    """
    rates: Sequence[Mapping[str, Any]] = figures.result("bench rates")["rates"]
    return [f"{rate:g}" for rate in sorted(one["rate"] for one in rates)]


def latency(figures: Figures, language: Language) -> str:
    """Draw the mean of each step of a sale by rate, and beside it median and 99th percentile.

    Raises:
        FigureError: a figure is missing.

    """
    rates = rates_of(figures)
    with mpl.rc_context(STYLE):
        canvas, (steps, quantiles) = _canvas(2)
        _stack(
            steps,
            rates,
            {
                _word(HOPS[hop], language): figures.values(
                    [f"rate.{rate}.hop.{hop}" for rate in rates]
                )
                for hop in HOPS
            },
        )
        _legend(steps, top_first=True)
        _title(steps, ("mean of each step, ms", "média de cada etapa, ms"), language)
        for quantile, marker in (("p50", "o-"), ("p99", "s--")):
            names = [f"rate.{rate}.{quantile}" for rate in rates]
            values = figures.values(names)
            quantiles.plot(rates, values, marker, label=quantile, linewidth=2)
            for rate, value in zip(rates, values, strict=True):
                text = number(value, 1, language)
                quantiles.annotate(
                    text, (rate, value), (0, 7), textcoords="offset points", ha="center"
                )
        quantiles.set_ylim(0, max(values) * HEADROOM)
        quantiles.legend(loc="upper left")
        _title(quantiles, ("due → visible, ms", "prevista → visível, ms"), language)
        for axes in (steps, quantiles):
            axes.set_xlabel(_word(("sales a second", "vendas por segundo"), language))
        return _svg(canvas)


def cost(figures: Figures, language: Language) -> str:
    """Draw the memory and the processor time of each service by rate.

    Raises:
        FigureError: a figure is missing.

    """
    rates = rates_of(figures)
    panels: tuple[tuple[str, Words], ...] = (
        ("memory", ("memory, MiB", "memória, MiB")),
        ("processor", ("processor, % of a core", "processador, % de um núcleo")),
    )
    with mpl.rc_context(STYLE):
        canvas, both = _canvas(2)
        for axes, (name, title) in zip(both, panels, strict=True):
            layers = {
                service: figures.values([f"rate.{rate}.{name}.{service}" for rate in rates])
                for service in SERVICES
            }
            _stack(axes, rates, layers)
            _title(axes, title, language)
            axes.set_xlabel(_word(("sales a second", "vendas por segundo"), language))
        _legend(both[-1], top_first=True)
        return _svg(canvas)


def throughput(figures: Figures, language: Language) -> str:
    """Draw how many records a second the job reads, below what the same machine can at most.

    Raises:
        FigureError: a figure is missing.

    """
    names = {"drain.throughput": _word(("the whole job", "o job inteiro"), language)}
    names |= {f"drain.{limit}.throughput": _word(LIMITS[limit], language) for limit in LIMITS}
    values = figures.values(list(names))
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        canvas, (axes,) = _canvas(1)
        bars = axes.barh(
            list(names.values()), values, BAR_WIDTH, color=(COLOURS[0], COLOURS[4], COLOURS[4])
        )
        labels = [figures.figure(name).text(language) for name in names]
        axes.bar_label(bars, labels, padding=6)
        axes.invert_yaxis()
        axes.set_xlim(right=max(values) * HEADROOM)
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 0, language))
        return _svg(canvas)


def detection(figures: Figures, language: Language) -> str:
    """Draw precision and recall of each kind of anomaly beside two detectors that do not look.

    Raises:
        FigureError: a figure is missing.

    """
    kinds = list(figures.result("prove detection")["kinds"])
    panels: tuple[tuple[str, Words], ...] = (
        ("precision", ("precision", "precisão")),
        ("recall", ("recall", "revocação")),
    )
    with mpl.rc_context(STYLE):
        canvas, both = _canvas(2)
        for axes, (metric, title) in zip(both, panels, strict=True):
            _groups(
                axes,
                kinds,
                {
                    _word(DETECTORS[detector], language): _shares(figures, detector, kinds, metric)
                    for detector in DETECTORS
                },
            )
            _title(axes, title, language)
            axes.set_ylim(0, 1.05)
            axes.tick_params(axis="x", rotation=40)
        _legend(both[-1])
        return _svg(canvas)


PLOTS: dict[str, Callable[[Figures, Language], str]] = {
    "latency": latency,
    "cost": cost,
    "throughput": throughput,
    "detection": detection,
}


def _shares(figures: Figures, detector: str, kinds: Sequence[str], metric: str) -> list[float]:
    """Return a metric of each kind; 0 where a baseline raised no alert, which has no precision."""
    result = figures.result("prove detection")
    scores = result[detector.rstrip(".")]["kinds"] if detector else result["kinds"]
    return [scores.get(kind, {}).get(metric) or 0.0 for kind in kinds]


def _canvas(panels: int) -> tuple[Canvas, list[Axes]]:
    canvas = Canvas(figsize=SIZE, layout="constrained")
    grid = canvas.subplots(1, panels, squeeze=False)
    return canvas, list(grid[0])


def _title(axes: Axes, words: Words, language: Language) -> None:
    axes.set_title(_word(words, language), loc="left", fontweight="bold")


def _stack(axes: Axes, groups: Sequence[str], layers: Mapping[str, Sequence[float]]) -> None:
    """Draw a column a group with a piece a layer, the first one at the bottom."""
    below = [0.0] * len(groups)
    for name, values in layers.items():
        axes.bar(groups, values, BAR_WIDTH, bottom=below, label=name)
        below = [low + value for low, value in zip(below, values, strict=True)]


def _groups(axes: Axes, groups: Sequence[str], series: Mapping[str, Sequence[float]]) -> None:
    """Draw a column a series side by side in each group."""
    width = BAR_WIDTH / len(series)
    for number_, (name, values) in enumerate(series.items()):
        shift = (number_ - (len(series) - 1) / 2) * width
        places = [place + shift for place in range(len(groups))]
        axes.bar(places, values, width, label=name)
    axes.set_xticks(range(len(groups)), [group.replace("_", " ") for group in groups])


def _legend(axes: Axes, *, top_first: bool = False) -> None:
    """Name the colours to the right of a panel; of pieces on each other the top one first."""
    handles, labels = axes.get_legend_handles_labels()
    order = slice(None, None, -1 if top_first else 1)
    axes.legend(handles[order], labels[order], loc="upper left", bbox_to_anchor=(1, 1))


def _svg(canvas: Canvas) -> str:
    buffer = io.StringIO()
    # Without the date, so that the same data give the same bytes.
    canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
