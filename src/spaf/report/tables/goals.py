"""The goals of the laboratory: what was to be reached, what was measured, what was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from markupsafe import Markup

from spaf.bench.peers.result import AGGREGATES, FULL_JOB, GOALS
from spaf.errors import FigureError
from spaf.report.figures import Figures
from spaf.report.gaps import marked, reason
from spaf.report.language import Language, Words, number, word
from spaf.report.tables.table import ReportColumn, ReportTable
from spaf.report.verdict import RATIO, GoalVerdict

COLUMNS = (
    ReportColumn(("goal", "meta"), numeric=False),
    ReportColumn(("limit", "limite")),
    ReportColumn(("measured", "medido")),
    ReportColumn(("result", "resultado"), numeric=False),
)
RATES = (10, 50, 100)
STORE_MS, SCREEN_MS = 10.0, 45.0
QUICK_S = 180.0
MISSED = Markup("<strong>{}</strong>")


class ReportGoal(NamedTuple):
    """A goal, and how its measured value is found."""

    words: Words
    value: Callable[[Figures], float]
    limit: float
    unit: str = ""
    digits: int = 0
    at_least: bool = False

    def row(self, figures: Figures, language: Language) -> list[str]:
        """Return the cells of the table; a goal that was not measured says why."""
        sign = "≥" if self.at_least else "≤"
        digits = 1 if self.limit % 1 else 0
        limit = f"{sign} {number(self.limit, digits, language, self.unit)}"
        try:
            value = self.value(figures)
        except FigureError as error:
            return [word(self.words, language), limit, marked(reason(error, language))]
        verdict = GoalVerdict(value, self.limit, self.unit, self.digits, self.at_least)
        text = verdict.text(language)
        return [
            word(self.words, language),
            limit,
            number(value, self.digits, language, self.unit),
            text if verdict.met else MISSED.format(text),
        ]


def _figure(name: str) -> Callable[[Figures], float]:
    return lambda figures: figures.figure(name).value


def _wrong(rate: int) -> Callable[[Figures], float]:
    names = [f"rate.{rate}.{of}" for of in ("unaccounted", "differences")]
    return lambda figures: sum(figures.values(names))


def _exactness(rate: int) -> ReportGoal:
    words = (
        f"{rate} sales/s: records without an outcome, and rows that differ",
        f"{rate} vendas/s: registros sem destino e linhas diferentes",
    )
    return ReportGoal(words, _wrong(rate), 0)


def _latency(rate: int, figure: str, place: Words, limit_ms: float) -> ReportGoal:
    words = (f"{rate} sales/s: p99 to {place[0]}", f"{rate} vendas/s: p99 até {place[1]}")
    return ReportGoal(words, _figure(f"{figure}.{rate}.p99"), limit_ms, "ms", 1)


def _peers(words: Words, figure: str, least: float) -> ReportGoal:
    return ReportGoal(words, _figure(figure), least, RATIO, digits=2, at_least=True)


LAB_GOALS = [
    *(_exactness(rate) for rate in RATES),
    *(_latency(rate, "rate", ("PostgreSQL", "o PostgreSQL"), STORE_MS) for rate in RATES),
    *(_latency(rate, "screen", ("the screen", "a tela"), SCREEN_MS) for rate in RATES),
    _peers(
        (
            "a full topic: our aggregates alone, compared with the fastest other program",
            "tópico cheio: só as nossas somas, comparadas às do outro programa mais rápido",
        ),
        "peers.aggregates",
        GOALS[AGGREGATES],
    ),
    _peers(
        (
            "a full topic: our whole job, compared with the aggregates of that program",
            "tópico cheio: o nosso job inteiro, comparado às somas desse programa",
        ),
        "peers.full-job",
        GOALS[FULL_JOB],
    ),
    ReportGoal(
        ("duration of spaf bench rates --quick", "duração de spaf bench rates --quick"),
        lambda figures: figures.quick_seconds("bench rates"),
        QUICK_S,
        "s",
    ),
]


def goals(figures: Figures, language: Language) -> ReportTable:
    """Return every goal with its verdict; one that was not measured says why."""
    return ReportTable(COLUMNS, [goal.row(figures, language) for goal in LAB_GOALS], "long")
