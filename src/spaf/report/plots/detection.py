"""Detection: precision and recall of each kind, and of two detectors that ignore the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaf.report.figures import Figures
from spaf.report.language import Language, Words, word
from spaf.report.plots.style import BAR_WIDTH, GREY, TILT, drawing, legend, title

DETECTION = "prove detection"
DETECTORS: dict[str, Words] = {
    "ours": ("SPAF", "SPAF"),
    "random": ("random", "aleatório"),
    "always": ("always", "sempre"),
}
METRICS: dict[str, Words] = {
    "precision": ("precision", "precisão"),
    "recall": ("recall", "revocação"),
}
KINDS: dict[str, Words] = {
    "high_price": ("high price", "preço alto"),
    "low_price": ("low price", "preço baixo"),
    "bulk_quantity": ("bulk quantity", "grande quantidade"),
    "price_x10": ("price × 10", "preço × 10"),
    "price_x100": ("price × 100", "preço × 100"),
    "price_div10": ("price ÷ 10", "preço ÷ 10"),
    "surge": ("surge", "pico"),
    "drought": ("drought", "queda"),
    "level_shift": ("level shift", "mudança de nível"),
    "customer_burst": ("customer burst", "rajada de um cliente"),
}


def detection(figures: Figures, language: Language) -> str:
    """Draw precision and recall of each kind, with their intervals of 95 %.

    Raises:
        FigureError: a figure is missing.

    """
    result = figures.result(DETECTION)
    width = BAR_WIDTH / len(DETECTORS)
    with drawing(language, 2) as drawn:
        for axes, (metric, words) in zip(drawn.panels, METRICS.items(), strict=True):
            # A kind of label that shares its alerts with others has a recall only.
            kinds = [kind for kind, scores in result["kinds"].items() if scores[metric] is not None]
            for place, (detector, name) in enumerate(DETECTORS.items()):
                scores = result["kinds"] if detector == "ours" else result[detector]["kinds"]
                values = [_share(scores, kind, metric) for kind in kinds]
                shift = (place - (len(DETECTORS) - 1) / 2) * width
                axes.bar(
                    [number + shift for number in range(len(kinds))],
                    values,
                    width,
                    yerr=_errors(scores, kinds, metric, values),
                    ecolor=GREY,
                    label=word(name, language),
                )
            names = [word(KINDS.get(kind, (kind, kind)), language) for kind in kinds]
            axes.set_xticks(range(len(kinds)), names, rotation=TILT, ha="right")
            axes.set_ylim(0, 1.05)
            title(axes, words, language)
        legend(drawn.panels[-1])
        return drawn.svg()


def _share(scores: Mapping[str, Any], kind: str, metric: str) -> float:
    """Return a metric of a kind; NaN, which is not drawn, where nothing can be divided by."""
    share = scores.get(kind, {}).get(metric)
    return float("nan") if share is None else float(share)


def _errors(
    scores: Mapping[str, Any], kinds: list[str], metric: str, values: list[float]
) -> list[list[float]]:
    """Return how far the interval of 95 % reaches below and above each value."""
    below, above = [], []
    for kind, value in zip(kinds, values, strict=True):
        low, high = scores.get(kind, {}).get(f"{metric}_95") or (value, value)
        below.append(max(0.0, value - low))
        above.append(max(0.0, high - value))
    return [below, above]
