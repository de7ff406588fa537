"""Cost: memory and processor time by load, the job at full speed, and growth."""

from __future__ import annotations

from spaf.report.figures import Figures
from spaf.report.language import Language, number
from spaf.report.plots.style import (
    BAR_WIDTH,
    COLOURS,
    GREY,
    HEADROOM,
    PER_SECOND,
    Words,
    drawing,
    legend,
    rate_labels,
    stack,
    title,
    word,
)

SERVICES = ("kafka", "jobmanager", "taskmanager", "postgres", "locust", "serve", "quarantine")
COSTS: dict[str, Words] = {
    "memory": ("memory, MiB", "memória, MiB"),
    "processor": ("processor, % of a core", "processador, % de um núcleo"),
}
# The figures of a drain: the whole job, and what does less.
DRAINS: dict[str, Words] = {
    "drain.throughput": ("the whole job", "o job inteiro"),
    "drain.scan.throughput": ("counting records only", "só contar registros"),
    "drain.decode.throughput": ("decoding the JSON too", "decodificar o JSON também"),
}
# What `spaf bench scale` follows.
GROWTH: dict[str, Words] = {
    "stack_us": ("processor time a sale", "processador por venda"),
    "p99": ("latency, p99", "latência, p99"),
    "stack_mib": ("memory", "memória"),
}
EXPONENT: Words = (
    "exponent: 0 is flat, 1 is in proportion",
    "expoente: 0 é plano, 1 é proporcional",
)


def cost(figures: Figures, language: Language) -> str:
    """Draw the memory and the processor time of each service by rate.

    Raises:
        FigureError: a figure is missing.

    """
    rates = figures.rates()
    with drawing(2) as drawn:
        for axes, (name, words) in zip(drawn.panels, COSTS.items(), strict=True):
            layers = {
                service: figures.values([f"rate.{rate}.{name}.{service}" for rate in rates])
                for service in SERVICES
            }
            stack(axes, rate_labels(rates, language), layers)
            title(axes, words, language)
            axes.set_xlabel(word(PER_SECOND, language))
        legend(drawn.panels[-1], top_first=True)
        return drawn.svg()


def throughput(figures: Figures, language: Language) -> str:
    """Draw how many records a second the job reads, beside what the same machine can at most.

    Raises:
        FigureError: a figure is missing.

    """
    values = figures.values(list(DRAINS))
    colours = [COLOURS[0], *[COLOURS[4]] * (len(DRAINS) - 1)]
    with drawing(grid="x") as drawn:
        (axes,) = drawn.panels
        names = [word(words, language) for words in DRAINS.values()]
        bars = axes.barh(names, values, BAR_WIDTH, color=colours)
        labels = [figures.figure(name).text(language) for name in DRAINS]
        axes.bar_label(bars, labels, padding=6)
        axes.invert_yaxis()
        axes.set_xlim(right=max(values) * HEADROOM)
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 0, language))
        return drawn.svg()


def growth(figures: Figures, language: Language) -> str:
    """Draw how much each figure grows with each factor: 0 is not at all, 1 is in proportion.

    Raises:
        FigureError: a figure is missing.

    """
    factors = figures.result("bench scale")["factors"]
    with drawing(grid="x") as drawn:
        (axes,) = drawn.panels
        for figure, words in GROWTH.items():
            slopes = {one["factor"]: one["slopes"].get(figure) for one in factors}
            found = {factor: slope["exponent"] for factor, slope in slopes.items() if slope}
            values, names = list(found.values()), list(found)
            axes.plot(values, names, "o", markersize=9, label=word(words, language))
        axes.axvline(0, color=GREY, linewidth=1)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 2, language))
        legend(axes)
        axes.set_xlabel(word(EXPONENT, language))
        return drawn.svg()
