"""The limits of the live page, and whether a measurement is within them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, Self

import msgspec

from spaf.bench.scenario import Result, Table, table_of

# Limits of the latency on the screen by rate of sales, ms: at p50 and at p99.
SCREEN_MS = {100.0: (25.0, 50.0), 1_000.0: (None, 80.0)}
MIN_FPS = 30.0
# The viewers of the page must not slow the pipeline.
MAX_RATIO = 1.2
MAX_FIRST_LOAD_KB = 250.0
MAX_FIRST_NUMBER_MS = 1_000.0
MAX_FIRST_CHART_MS = 300.0
MAX_SERVE_MIB = 120.0


class Goal(msgspec.Struct, frozen=True):
    """A goal, the measured value, and whether it meets the goal; a missing value does not."""

    goal: str
    found: float | None
    met: bool

    @classmethod
    def at_most(cls, name: str, found: float | None, limit: float, unit: str) -> Self:
        """Return a goal with an upper limit."""
        return cls._of(name, found, limit, unit, ("<=", operator.le))

    @classmethod
    def at_least(cls, name: str, found: float | None, limit: float, unit: str) -> Self:
        """Return a goal with a lower limit."""
        return cls._of(name, found, limit, unit, (">=", operator.ge))

    @classmethod
    def _of(
        cls,
        name: str,
        found: float | None,
        limit: float,
        unit: str,
        comparison: tuple[str, Callable[[float, float], bool]],
    ) -> Self:
        sign, within = comparison
        met = found is not None and within(found, limit)
        return cls(f"{name} {sign} {limit:g} {unit}".rstrip(), found, met)


class GoalsResult(Result, frozen=True, kw_only=True):
    """The base of every result that has goals."""

    goals: list[Goal]

    def tables(self) -> Iterable[Table]:
        """Return a row a goal."""
        return [goals_table(self.goals)]


def goals_table(goals: Iterable[Goal]) -> Table:
    """Return a row a goal."""
    return table_of(goals, {"goal": "goal", "found": "found", "met": "met"})


def of_screen(outcome: dict[str, Any]) -> list[Goal]:
    """Return the goals of a run at one rate, from `Outcome.as_dict`; not every rate has goals."""
    latency, rate = outcome["latency_ms"]["screen"] or {}, outcome["rate"]
    limits = SCREEN_MS.get(rate)
    if limits is None:
        return []
    name = f"{rate:g} sales/s, sale to screen"
    p50, p99 = limits
    goals = [Goal.at_most(f"{name}, p99", latency.get("p99"), p99, "ms")]
    if p50 is not None:
        goals.insert(0, Goal.at_most(f"{name}, p50", latency.get("p50"), p50, "ms"))
    else:
        fps = outcome["screen"]["frames_per_second"]["median"]
        goals.append(Goal.at_least(f"{rate:g} sales/s, page", fps, MIN_FPS, "frames/s"))
    return goals
