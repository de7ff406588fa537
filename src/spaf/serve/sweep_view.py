"""The measurement that the page starts, as the page shows it and the event `measure` sends it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec


class SweepState(StrEnum):
    """What is done now."""

    IDLE = "idle"
    RUNNING = "running"
    STOPPING = "stopping"
    REPORTING = "reporting"
    """The measurement has ended; its report is written."""


class SweepOutcome(StrEnum):
    """How a measurement has ended."""

    VALID = "valid"
    PARTIAL = "partial"
    """Some rates are valid."""
    INVALID = "invalid"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class SweepPlan(msgspec.Struct, frozen=True):
    """What is measured."""

    rates: tuple[float, ...]
    """Sales a second, one after the other."""
    seconds: float
    """How long each is measured, after its warm-up."""


class SweepProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the measurement is.

    Attributes:
        doing: `starting`, `warming_up`, `selling`, `verifying` or `reporting`.
        number: which rate of how many, from 1; 0 before the first.
        of: how many rates.
        rate: sales a second; null before the first.
        left_s: about how long it takes to its end, seconds.

    """

    doing: str
    number: int = 0
    of: int
    rate: float | None = None
    left_s: int


class RatePoint(msgspec.Struct, frozen=True):
    """A rate that was measured validly: latency from due to visible in PostgreSQL."""

    rate: float
    p50_ms: float
    p99_ms: float


class SweepResult(msgspec.Struct, frozen=True, kw_only=True):
    """How the newest measurement has ended, and what of it may be shown.

    Attributes:
        ended_ms: epoch milliseconds.
        outcome: how it has ended.
        reasons: why not everything of it is valid, in English.
        points: the valid rates.
        records: records of the topic that were recomputed.

    """

    ended_ms: int
    outcome: SweepOutcome
    reasons: list[str] = []
    points: list[RatePoint] = []
    records: int = 0


class SweepView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the panel shows.

    Attributes:
        state: what is done now.
        plan: what is measured now, or would be.
        about_s: how long that takes with a short topic, seconds.
        progress: null unless something is done.
        last: the newest measurement that has ended; null without one.
        report_ms: when the measurement of the newest report has ended; null without a report.

    """

    state: SweepState
    plan: SweepPlan
    about_s: int
    progress: SweepProgress | None = None
    last: SweepResult | None = None
    report_ms: int | None = None


class SweepRunner(Protocol):
    """Runs the measurement; its methods take milliseconds."""

    def start(self, plan: SweepPlan) -> bool:
        """Start a measurement; False if one runs already."""

    def stop(self) -> bool:
        """End the measurement early; False if none runs."""

    def running(self) -> bool:
        """Return whether a measurement runs."""

    def view(self) -> SweepView:
        """Return the present state."""

    def report(self, language: str) -> Path | None:
        """Return the file of the newest report in a language; None without one."""

    def close(self) -> None:
        """End the measurement, and wait until its record is written."""


USUAL = SweepPlan((10, 50, 100, 1_000), 10)


def listed(rates: Sequence[float]) -> str:
    """Return rates as the option `--rates` has them."""
    return ",".join(f"{rate:g}" for rate in rates)
