"""Cost: memory and processor time by load, the job at full speed, and growth."""

from __future__ import annotations

from spaf.report.figures import Figures
from spaf.report.language import Language, Words, word
from spaf.report.plots.style import (
    BAR_WIDTH,
    COLOURS,
    GREY,
    HEADROOM,
    MARKERS,
    drawing,
    legend,
    rate_axis,
    rate_labels,
    stack,
    title,
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
# The factors that grow, as `spaf bench scale` names them.
FACTORS: dict[str, Words] = {
    "rate": ("rate", "taxa"),
    "categories": ("categories", "categorias"),
    "products": ("products", "produtos"),
    "customers": ("customers", "clientes"),
    "partitions": ("partitions", "partições"),
    "parallelism": ("tasks", "tarefas"),
    "task_managers": ("TaskManagers", "TaskManagers"),
    "viewers": ("viewers of the page", "espectadores da página"),
    "records": ("records in the topic", "registros no tópico"),
    "rows": ("rows in the tables", "linhas nas tabelas"),
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
    with drawing(language, 2) as drawn:
        for axes, (name, words) in zip(drawn.panels, COSTS.items(), strict=True):
            layers = {
                service: figures.values([f"rate.{rate}.{name}.{service}" for rate in rates])
                for service in SERVICES
            }
            stack(axes, rate_labels(rates, language), layers)
            title(axes, words, language)
            rate_axis(axes, language)
        legend(drawn.panels[-1], top_first=True)
        return drawn.svg()


def throughput(figures: Figures, language: Language) -> str:
    """Draw how many records a second the job reads, and what the same machine can at most.

    Raises:
        FigureError: a figure is missing.

    """
    values = figures.values(list(DRAINS))
    colours = [COLOURS[0], *[COLOURS[4]] * (len(DRAINS) - 1)]
    with drawing(language, grid="x") as drawn:
        (axes,) = drawn.panels
        names = [word(words, language) for words in DRAINS.values()]
        bars = axes.barh(names, values, BAR_WIDTH, color=colours)
        labels = [figures.figure(name).text(language) for name in DRAINS]
        axes.bar_label(bars, labels, padding=6)
        axes.invert_yaxis()
        axes.set_xlim(right=max(values) * HEADROOM)
        title(axes, ("records a second", "registros por segundo"), language)
        return drawn.svg()


def growth(figures: Figures, language: Language) -> str:
    """Draw how much each figure grows with each factor: 0 is not at all, 1 is in proportion.

    Raises:
        FigureError: a figure is missing.

    """
    factors = figures.result("bench scale")["factors"]
    with drawing(language, grid="x") as drawn:
        (axes,) = drawn.panels
        for marker, (figure, words) in zip(MARKERS, GROWTH.items(), strict=False):
            slopes = {result["factor"]: result["slopes"].get(figure) for result in factors}
            exponents = {factor: slope["exponent"] for factor, slope in slopes.items() if slope}
            names = [word(FACTORS.get(factor, (factor, factor)), language) for factor in exponents]
            name = word(words, language)
            axes.plot(list(exponents.values()), names, marker, markersize=9, alpha=0.85, label=name)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.invert_yaxis()
        axes.margins(y=0.15)
        legend(axes)
        axes.set_xlabel(word(EXPONENT, language))
        return drawn.svg()
