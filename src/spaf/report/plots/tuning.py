"""Tuning: what each setting alone does to latency and cost, in times of the baseline."""

from __future__ import annotations

from spaf.report.figures import Figures
from spaf.report.language import Language, Words
from spaf.report.plots.style import COLOURS, GREY, drawing, logarithmic, title
from spaf.report.readings.tuning import TriedSetting, TuningReading
from spaf.report.translation import translated

EFFECTS: dict[str, Words] = {
    "p99_ms": ("p99 ÷ baseline", "p99 ÷ referência"),
    "cpu_us_per_event": ("processor time ÷ baseline", "processador ÷ referência"),
}
BAND_ALPHA = 0.25
# Margin outside the smallest and the largest value of a logarithmic axis.
ROOM = 1.25
# Inches of a plot: of each setting, and of title and axis.
ROW_HEIGHT, FRAME_HEIGHT = 0.36, 1.4


def tuning(figures: Figures, language: Language) -> str:
    """Draw the figures of every setting divided by the median of the baseline.

    Raises:
        FigureError: a figure is missing.

    """
    reading = TuningReading.of(figures)
    names = [_name(setting, language) for setting in reading.settings]
    places = range(len(names))
    height = FRAME_HEIGHT + ROW_HEIGHT * len(names)
    with drawing(language, 2, grid="both", height=height) as drawn:
        for axes, (figure, words) in zip(drawn.panels, EFFECTS.items(), strict=True):
            base = reading.median(figure) or float("nan")
            around = [value / base for value in reading.baseline.get(figure, [])] or [1.0]
            measured = [setting.median(figure) for setting in reading.settings]
            drawn_at = [(v / base, at) for v, at in zip(measured, places, strict=True) if v]
            axes.axvspan(min(around), max(around), color=GREY, alpha=BAND_ALPHA)
            axes.axvline(1.0, color=GREY, linewidth=1)
            axes.plot(*zip(*drawn_at, strict=True), "o", color=COLOURS[0], markersize=9)
            axes.set_yticks(places, names)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_xscale("log")
            reached = [*around, *(value for value, _ in drawn_at)]
            axes.set_xlim(min(reached) / ROOM, max(reached) * ROOM)
            logarithmic(axes.xaxis, language)
            title(axes, words, language)
        drawn.panels[-1].set_yticklabels([])
        return drawn.svg()


def _name(setting: TriedSetting, language: Language) -> str:
    """Return a setting with its value; all defaults at once have no value of their own."""
    name = translated(setting.name, language)
    tried = translated(setting.text("tried"), language)
    return name if setting.measured.get("key") == "" else f"{name}: {tried}"
