"""Latency: by load, by share of the sales, and through the time of a run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaf.bench.results.record import SALES_FILE, SAMPLES_FILE
from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.language import Language, Words, decimal, number, word
from spaf.report.plots.style import (
    COLOURS,
    DASHES,
    HEADROOM,
    PER_SECOND,
    drawing,
    legend,
    logarithmic,
    rate_axis,
    rate_labels,
    stack,
    title,
)

RATES = "bench rates"
HOPS = {
    "due_sent": ("due → sent", "prevista → enviada"),
    "sent_appended": ("→ in Kafka", "→ no Kafka"),
    "appended_written": ("→ computed by Flink", "→ calculada pelo Flink"),
    "written_visible": ("→ visible in PostgreSQL", "→ visível no PostgreSQL"),
}
DUE_VISIBLE: Words = ("due → visible, ms", "prevista → visível, ms")
FASTER: Words = ("share of the sales that were faster", "parte das vendas que foi mais rápida")
CHECKPOINT: Words = ("a checkpoint", "um checkpoint")
# A checkpoint of some milliseconds must be seen on an axis of a minute, seconds.
MIN_MARK_S = 0.12
MARK_ALPHA = 0.45
# The labels of an axis on which each nine is as long as the one before.
NINES = (0, 90, 99, 99.9, 99.99)
# The intervals of which one is shown through time: 100 sales/s.
SHOWN = "100-"
MICROS_PER_MILLI = 1_000
MICROS_PER_SECOND = 1_000_000


def latency(figures: Figures, language: Language) -> str:
    """Draw the mean of each step of a sale by rate, and next to it median and 99th percentile.

    Raises:
        FigureError: a figure is missing.

    """
    rates = figures.rates()
    labels = rate_labels(rates, language)
    with drawing(language, 2) as drawn:
        steps, slowest = drawn.panels
        means = {hop: figures.values([f"rate.{rate}.hop.{hop}" for rate in rates]) for hop in HOPS}
        stack(steps, labels, {word(HOPS[hop], language): means[hop] for hop in HOPS})
        legend(steps, top_first=True)
        title(steps, ("mean of each step, ms", "média de cada etapa, ms"), language)
        for quantile, marker in (("p50", "o-"), ("p99", "s--")):
            values = figures.values([f"rate.{rate}.{quantile}" for rate in rates])
            slowest.plot(labels, values, marker, label=quantile, linewidth=2)
            for label, value in zip(labels, values, strict=True):
                text = number(value, 1, language)
                slowest.annotate(
                    text, (label, value), (0, 7), textcoords="offset points", ha="center"
                )
        slowest.set_ylim(0, max(values) * HEADROOM)
        slowest.margins(x=0.1)
        slowest.legend(loc="upper left")
        title(slowest, DUE_VISIBLE, language)
        for axes in drawn.panels:
            rate_axis(axes, language)
        return drawn.svg()


def quantiles(figures: Figures, language: Language) -> str:
    """Draw the latency of every share of the sales, each nine as long as the one before.

    Raises:
        FigureError: a figure is missing.
        ResultsError: the data are damaged.

    """
    arrays = figures.arrays(RATES, SALES_FILE)
    with drawing(language) as drawn:
        (axes,) = drawn.panels
        by_rate, shares_by_rate = (_by_rate(arrays, n) for n in ("store_quantiles_us", "shares"))
        for dash, (rate, repeats) in zip(cycle(DASHES), by_rate.items(), strict=False):
            # The last one is the largest latency, which has no place on this axis.
            median_ms = np.median(repeats, axis=0)[:-1] / MICROS_PER_MILLI
            nines = -np.log10(1 - shares_by_rate[rate][0])
            label = number(float(rate), 0, language)
            axes.plot(nines, median_ms, linestyle=dash, linewidth=2, label=label)
        shares = [f"{decimal(share, language)}%" for share in NINES]
        axes.set_xticks(range(len(NINES)), shares)
        axes.set_xlim(0, len(NINES) - 1)
        axes.set_yscale("log")
        logarithmic(axes.yaxis, language)
        legend(axes, heading=word(PER_SECOND, language))
        title(axes, DUE_VISIBLE, language)
        axes.set_xlabel(word(FASTER, language))
        return drawn.svg()


def through_time(figures: Figures, language: Language) -> str:
    """Draw the latency of each sale at 100 sales/s by the time at which it was due.

    Raises:
        FigureError: a figure is missing.
        ResultsError: the data are damaged.

    """
    arrays = figures.arrays(RATES, SALES_FILE)
    # The first repeat that is valid.
    shown = next((array.partition("/")[0] for array in arrays if array.startswith(SHOWN)), None)
    if shown is None:
        raise FigureError("The result of `spaf bench rates` has no 100 sales/s.")
    due_us = arrays[f"{shown}/due_us"]
    latency_us = np.sum([arrays[f"{shown}/{hop}_us"] for hop in HOPS], axis=0)
    with drawing(language) as drawn:
        (axes,) = drawn.panels
        seconds = (due_us - due_us[0]) / MICROS_PER_SECOND
        name = word(CHECKPOINT, language)
        for start_s, length_s in _checkpoints(figures, due_us):
            end_s = start_s + max(length_s, MIN_MARK_S)
            axes.axvspan(start_s, end_s, color=COLOURS[1], alpha=MARK_ALPHA, zorder=0, label=name)
            # All spans are named once: a label of this form is in no legend.
            name = "_"
        # As points of one picture: some thousand of them as shapes would be a megabyte.
        axes.plot(seconds, latency_us / MICROS_PER_MILLI, ".", markersize=3, rasterized=True)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        if axes.patches:
            legend(axes)
        title(axes, DUE_VISIBLE, language)
        axes.set_xlabel(word(("seconds", "segundos"), language))
        return drawn.svg()


def _checkpoints(figures: Figures, due_us: NDArray[Any]) -> list[tuple[float, float]]:
    """Return start and end of each checkpoint, in seconds after the first sale was due."""
    try:
        samples = figures.arrays(RATES, SAMPLES_FILE)
    except FigureError:
        return []
    starts_us = samples.get("checkpoint/at_us", np.array([], dtype=np.int64))
    lengths_s = samples.get("checkpoint/ms", np.array([], dtype=np.int64)) / MICROS_PER_MILLI
    return [
        ((start_us - due_us[0]) / MICROS_PER_SECOND, length_s)
        for start_us, length_s in zip(starts_us, lengths_s, strict=True)
        if due_us[0] <= start_us <= due_us[-1]
    ]


def _by_rate(arrays: Mapping[str, NDArray[Any]], column: str) -> dict[str, list[NDArray[Any]]]:
    """Return a column of each repeat by the rate, in order; names are RATE-REPEAT/COLUMN."""
    by_rate: dict[str, list[NDArray[Any]]] = {}
    for name, values in arrays.items():
        interval, _, of = name.partition("/")
        if of == column:
            by_rate.setdefault(interval.rpartition("-")[0], []).append(values)
    return dict(sorted(by_rate.items(), key=lambda item: float(item[0])))
