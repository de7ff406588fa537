"""The sustainable rate: every trial of the search, and the zone in which no rate holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from spaf.report.figures import Figures
from spaf.report.language import Language, Words, word
from spaf.report.plots.style import (
    COLOURS,
    GREY,
    MARKERS,
    drawing,
    legend,
    logarithmic,
    title,
)

TASKS: dict[str, Words] = {"1": ("one task", "uma tarefa"), "2": ("two tasks", "duas tarefas")}
# The limits of p99, milliseconds: a rate that holds one of them need not hold the stricter one.
ZONES: dict[int, Words] = {
    100: ("over 100 ms", "acima de 100 ms"),
    1_000: ("does not hold", "não se sustenta"),
}
ZONE_ALPHA = 0.18
OFFERED: Words = ("offered, sales a second", "oferecidas, vendas por segundo")
COMPUTED: Words = ("computed a second", "calculadas por segundo")
ALL: Words = ("all of them", "todas")

Trials = list[Mapping[str, Any]]


def sustained(figures: Figures, language: Language) -> str:
    """Draw throughput and 99th percentile of every trial by the rate that was offered.

    Raises:
        FigureError: a figure is missing.

    """
    result = figures.result("bench sustain")
    trials = {tasks: _trials(result["trials"], tasks) for tasks in TASKS}
    with drawing(language, 2) as drawn:
        for axes, value in zip(drawn.panels, (_computed, _p99_ms), strict=True):
            for place, (tasks, tried) in enumerate(trials.items()):
                if tried:
                    x, y = [rate["rate"] for rate in tried], [value(rate) for rate in tried]
                    name, marker = word(TASKS[tasks], language), MARKERS[place]
                    axes.plot(x, y, marker, color=COLOURS[place], label=name, markersize=8)
        throughput, slowest = drawn.panels
        limits = throughput.get_xlim()
        throughput.plot(limits, limits, "--", color=GREY, linewidth=1, label=word(ALL, language))
        title(throughput, COMPUTED, language)
        slowest.set_yscale("log")
        logarithmic(slowest.yaxis, language)
        title(slowest, ("p99, due → visible, ms", "p99, prevista → visível, ms"), language)
        for axes in drawn.panels:
            _zones(axes, result["rates"], language)
            axes.locator_params(axis="x", nbins=4)
            axes.set_xlabel(word(OFFERED, language))
        legend(slowest, of=throughput)
        return drawn.svg()


def _zones(axes: Axes, rates: Sequence[Mapping[str, Any]], language: Language) -> None:
    """Make the rates grey that do not hold, the darker the laxer the limit that they miss."""
    end = axes.get_xlim()[1]
    for limit_ms, words in ZONES.items():
        held = [rate["median"] or 0 for rate in rates if rate["limit_ms"] == limit_ms]
        if held and max(held) < end:
            name = word(words, language)
            axes.axvspan(max(held), end, color=GREY, alpha=ZONE_ALPHA, linewidth=0, label=name)
    axes.set_xlim(right=end)


def _trials(trials: Mapping[str, Sequence[Mapping[str, Any]]], tasks: str) -> Trials:
    """Return the trials with a number of tasks that have a latency."""
    of_tasks = (tried for name, tried in trials.items() if name.startswith(f"{tasks}-"))
    return [rate for tried in of_tasks for rate in tried if rate["p99_ms"] is not None]


def _computed(trial: Mapping[str, Any]) -> float:
    """Return the sales a second that reached the tables: those sent, without what queues up."""
    growth = float((trial.get("lag") or {}).get("slope", 0.0))
    return float(trial.get("achieved_rate") or trial["rate"]) - max(0.0, growth)


def _p99_ms(trial: Mapping[str, Any]) -> float:
    return float(trial["p99_ms"])
