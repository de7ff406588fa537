"""The sustainable rate: every trial of the search, and the zone in which no rate holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.plots.style import (
    COLOURS,
    GREY,
    PER_SECOND,
    Words,
    drawing,
    legend,
    logarithmic,
    title,
    word,
)

TASKS: dict[str, Words] = {"1": ("one task", "uma tarefa"), "2": ("two tasks", "duas tarefas")}
MARKERS = ("o", "s")
# The limit that parts what holds from what does not, milliseconds.
LIMIT_MS = 100
UNSUSTAINABLE: Words = ("does not hold", "não se sustenta")
ZONE_ALPHA = 0.18


def sustained(figures: Figures, language: Language) -> str:
    """Draw the 99th percentile of every trial by the rate that was offered.

    Raises:
        FigureError: a figure is missing.

    """
    result = figures.result("bench sustain")
    trials: Mapping[str, Sequence[Mapping[str, Any]]] = result["trials"]
    highest = max(one["median"] or 0 for one in result["rates"] if one["limit_ms"] == LIMIT_MS)
    with drawing() as drawn:
        (axes,) = drawn.panels
        for place, (tasks, words) in enumerate(TASKS.items()):
            tried = [
                one
                for name, of_repeat in trials.items()
                if name.startswith(f"{tasks}-")
                for one in of_repeat
                if one["p99_ms"] is not None
            ]
            axes.plot(
                [one["rate"] for one in tried],
                [one["p99_ms"] for one in tried],
                MARKERS[place],
                color=COLOURS[place],
                label=word(words, language),
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        end = axes.get_xlim()[1]
        zone = word(UNSUSTAINABLE, language)
        axes.axvspan(highest, end, color=GREY, alpha=ZONE_ALPHA, linewidth=0, label=zone)
        axes.set_xlim(right=end)
        logarithmic(axes.xaxis, language)
        logarithmic(axes.yaxis, language)
        legend(axes)
        title(axes, ("p99, due → visible, ms", "p99, prevista → visível, ms"), language)
        axes.set_xlabel(word(PER_SECOND, language))
        return drawn.svg()
