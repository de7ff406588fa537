"""Recovery: how long each fault kept the rows from being current."""

from __future__ import annotations

from typing import Any

from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.language import Language, Words, word
from spaf.report.names import fault_name
from spaf.report.plots.style import COLOURS, drawing, legend
from spaf.report.readings.recovery import CHAOS, fault_groups

SECONDS: Words = (
    "seconds from the fault until the rows were current again",
    "segundos da falha até as linhas voltarem a ser atuais",
)
FAULT: Words = ("a fault", "uma falha")
P95: Words = ("95 of 100", "95 de 100")
ALPHA = 0.45
MARK: Any = {"color": COLOURS[3], "markersize": 14, "markeredgewidth": 3}
# Inches of a plot: of each row, and of the axis.
ROW_HEIGHT, FRAME_HEIGHT = 0.28, 1.0


def recovery(figures: Figures, language: Language) -> str:
    """Draw the recovery time of every fault, a row a kind and target, the slowest kind last.

    Raises:
        FigureError: a figure is missing.

    """
    groups = [faults for faults in fault_groups(figures) if faults.seconds()]
    groups.sort(key=lambda faults: faults.p95 or 0.0)
    if not groups:
        raise FigureError(f"No fault of `spaf {CHAOS}` has a recovery time.")
    height = FRAME_HEIGHT + ROW_HEIGHT * len(groups)
    with drawing(language, grid="both", height=height) as drawn:
        (axes,) = drawn.panels
        for row, group in enumerate(groups):
            times = group.seconds()
            name = word(FAULT, language) if row == 0 else "_"
            axes.plot(times, [row] * len(times), "o", color=COLOURS[0], alpha=ALPHA, label=name)
            name = word(P95, language) if row == 0 else "_"
            axes.plot([group.p95 or 0.0], [row], "|", **MARK, label=name)
        names = [fault_name(faults.kind, faults.target, language) for faults in groups]
        axes.set_yticks(range(len(groups)), names)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel(word(SECONDS, language))
        legend(axes)
        return drawn.svg()
