"""SPAF and other programs: how fast they read a full topic, and what a record costs."""

from __future__ import annotations

from spaf.report.figures import Figures
from spaf.report.language import Language, Words, number, word
from spaf.report.plots.style import BAR_WIDTH, COLOURS, HEADROOM, drawing, title
from spaf.report.readings.peers import PeerReading
from spaf.report.translation import translated

DRAINS: dict[str, tuple[Words, int]] = {
    "events_per_second": (("records a second", "registros por segundo"), -3),
    "cpu_us_per_event": (("processor time a record, µs", "processador por registro, µs"), 1),
}
NOT_MEASURED: Words = ("not measured", "não medido")
# Inches of a plot: of each bar, and of title and axis.
BAR_HEIGHT, FRAME_HEIGHT = 0.42, 1.3


def peers(figures: Figures, language: Language) -> str:
    """Draw throughput and processor time of every program; ours have a colour of their own.

    Raises:
        FigureError: a figure is missing.

    """
    readings = PeerReading.all_of(figures)
    names = [translated(reading.name, language) for reading in readings]
    colours = [COLOURS[0] if reading.ours else COLOURS[1] for reading in readings]
    height = FRAME_HEIGHT + BAR_HEIGHT * len(readings)
    with drawing(language, 2, grid="x", height=height) as drawn:
        for axes, (figure, (words, digits)) in zip(drawn.panels, DRAINS.items(), strict=True):
            values = [reading.drain(figure) for reading in readings]
            drawable = [0.0 if value is None else value for value in values]
            bars = axes.barh(names, drawable, BAR_WIDTH, color=colours)
            labels = [
                word(NOT_MEASURED, language) if value is None else number(value, digits, language)
                for value in values
            ]
            axes.bar_label(bars, labels, padding=5)
            axes.invert_yaxis()
            axes.set_xlim(0, max(*drawable, 1e-9) * HEADROOM)
            axes.locator_params(axis="x", nbins=4)
            title(axes, words, language)
        drawn.panels[-1].set_yticklabels([])
        return drawn.svg()
