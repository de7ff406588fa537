"""What the live page must keep to, and whether it did."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A limit, what was found, and whether that is within it."""

    name: str
    found: float | None
    limit: float
    unit: str
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was; what could not be measured was not."""
        within: Callable[[float, float], bool] = operator.ge if self.least else operator.le
        return self.found is not None and within(self.found, self.limit)

    def as_dict(self) -> dict[str, Any]:
        """Return the record for --json."""
        sign = ">=" if self.least else "<="
        return {
            "goal": f"{self.name} {sign} {self.limit:g} {self.unit}".rstrip(),
            "found": self.found,
            "met": self.met,
        }


# At which rate of sales which latency on the screen must be kept, ms: at p50 and at p99.
SCREEN_MS = {100.0: (25.0, 50.0), 1_000.0: (None, 80.0)}
LEAST_FPS = 30.0
# A screen that keeps to it does not slow the pipeline for anybody.
MOST_RATIO = 1.2
MOST_KB = 250.0
MOST_FIRST_NUMBER_MS = 1_000.0
MOST_FIRST_CHART_MS = 300.0
MOST_SERVE_MIB = 120.0


def of_screen(found: dict[str, Any]) -> list[Goal]:
    """Return the goals of a run at one rate, from its record."""
    latency, rate = found["latency_ms"]["screen"] or {}, found["rate"]
    limits = SCREEN_MS.get(rate)
    if limits is None:
        return []
    name = f"{rate:g} sales/s, sale to screen"
    p50, p99 = limits
    goals = [Goal(f"{name}, p99", latency.get("p99"), p99, "ms")]
    if p50 is not None:
        goals.insert(0, Goal(f"{name}, p50", latency.get("p50"), p50, "ms"))
    else:
        fps = found["screen"]["frames_per_second"]["median"]
        goals.append(Goal(f"{rate:g} sales/s, page", fps, LEAST_FPS, "frames/s", least=True))
    return goals


def of_viewers(found: dict[str, Any]) -> list[Goal]:
    """Return the goal of a comparison, from its record."""
    name = f"p99 to PostgreSQL with {found['viewers']} viewers over none"
    return [Goal(name, found["ratio"], MOST_RATIO, "times")]


def of_weight(found: dict[str, Any]) -> list[Goal]:
    """Return the goals of the first load, from its record."""
    first = found["first_number_ms"]["median"]
    return [
        Goal("first load", found["first_load_kb"], MOST_KB, "kB"),
        Goal("first number", first, MOST_FIRST_NUMBER_MS, "ms"),
    ]


def of_history(found: dict[str, Any]) -> list[Goal]:
    """Return the goal of the 24 h range, from its record."""
    name = "24 h of 10 categories, first chart"
    return [Goal(name, found["first_chart_ms"]["median"], MOST_FIRST_CHART_MS, "ms")]


def of_hour(found: dict[str, Any]) -> list[Goal]:
    """Return the goal of the page left open, from its record."""
    return [Goal("memory of serve", found["largest_mib"]["serve_mib"], MOST_SERVE_MIB, "MiB")]
