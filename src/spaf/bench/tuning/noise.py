"""What of a difference is more than the measurements of our own settings differ by."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Self

import msgspec

from spaf.bench.tuning.visit import Visit

WITHIN = "within the noise"
UNKNOWN = "not known: ours has less than two valid measurements"
# Two measurements have a range; one has none, and nothing could be told from it.
MIN_BASELINES = 2
# Digits of the figures: those that a sum of fractions adds must not decide.
DIGITS = 3
# Name of a figure for a person, and the digits of a difference: latencies in ms, cost in percent.
FIGURES = {
    "p50_ms": "p50",
    "p99_ms": "p99",
    "cpu_us_per_event": "µs/event",
    "cores": "cores",
}
LATENCIES = ("p50_ms", "p99_ms")


class Baseline(msgspec.Struct, frozen=True):
    """The figures of our own settings, in the order in which they were measured."""

    p50_ms: list[float]
    p99_ms: list[float]
    cpu_us_per_event: list[float]
    cores: list[float]
    median: dict[str, float] = {}
    """By figure."""
    reasons: list[str] = []
    """Why figures are missing."""

    @classmethod
    def of(cls, visits: Sequence[Visit]) -> Self:
        """Return the figures of these measurements that are valid."""
        values = {
            figure: [value for one in visits if (value := getattr(one, figure)) is not None]
            for figure in FIGURES
        }
        return cls(
            **values,
            median={
                figure: round(statistics.median(own), DIGITS)
                for figure, own in values.items()
                if own
            },
            reasons=[one.reason for one in visits if one.reason],
        )

    def effect(self, figure: str, value: float) -> float | None:
        """Return a value minus the median; None if it differs by no more than our own range.

        Without two measurements there is no range, so that no difference counts.
        """
        own: list[float] = getattr(self, figure)
        if len(own) < MIN_BASELINES:
            return None
        difference = round(value - self.median[figure], DIGITS)
        return difference if abs(difference) > round(max(own) - min(own), DIGITS) else None

    def verdict(self, visit: Visit) -> str:
        """Return which figures differ by more than the noise, and by how much."""
        parts = []
        for figure, shown in FIGURES.items():
            value = getattr(visit, figure)
            effect = None if value is None else self.effect(figure, value)
            if effect is None:
                continue
            if figure in LATENCIES:
                parts.append(f"{shown} {effect:+.1f} ms")
            else:
                parts.append(f"{shown} {100 * effect / (value - effect):+.0f} %")
        known = [figure for figure in FIGURES if getattr(visit, figure) is not None]
        if not known:
            return ""
        if all(len(getattr(self, figure)) < MIN_BASELINES for figure in known):
            return UNKNOWN
        return ", ".join(parts) or WITHIN
