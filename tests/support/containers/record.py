"""The record of a whole run of the tests: `spaf results show` reads it, as any other."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from spaf import clock
from spaf.bench.results import folder as results
from spaf.bench.results.provenance import machine, versions
from spaf.bench.results.record import SCHEMA, Ending, ResultRecord, Validity
from spaf.chaos.outcome import ChaosResult, RecoveryTimes
from spaf.settings import Settings
from tests.support.containers.faults import BROKER, JOBMANAGER, KILL, POSTGRES, TASKMANAGER
from tests.support.containers.spread import SpreadCost

SCENARIO = "chaos"
COMMAND = "make test-containers TEST_RECORD=results/containers"
# From a kill to current rows, p95, seconds.
GOALS_S = {JOBMANAGER: 12.0, BROKER: 15.0, TASKMANAGER: 10.0, POSTGRES: 10.0}
FIRST_ROW_GOAL_S = 30.0
IMAGE_GOAL_MB = 900.0


class GoalReached(msgspec.Struct, frozen=True):
    """A figure, its goal, and whether it is reached; None where nothing was measured."""

    name: str
    goal: float
    value: float | None
    reached: bool

    @classmethod
    def of(cls, name: str, goal: float, value: float | None) -> GoalReached:
        """Return whether a goal, a largest value, is reached."""
        return cls(name, goal, value, value is not None and value <= goal)

    @property
    def line(self) -> str:
        """The goal in one line."""
        value = "not measured" if self.value is None else f"{self.value:g}"
        return (
            f"{'reached' if self.reached else 'MISSED '}  {self.name}: {value} (<= {self.goal:g})"
        )


class Parts:
    """What the tests have measured so far."""

    def __init__(self) -> None:
        """Begin."""
        self.started_us = clock.now_us()
        self.image_mb: float | None = None
        self.build_s: float | None = None
        self.first_row_s: float | None = None
        self.resumed_s: float | None = None
        self.spread: SpreadCost | None = None
        self.faults: ChaosResult | None = None
        self.history: list[str] = []

    @property
    def goals(self) -> list[GoalReached]:
        """The goals that are about figures, in order."""
        summary = () if self.faults is None else self.faults.summary_by_target
        return [
            GoalReached.of("size of the image, MB", IMAGE_GOAL_MB, self.image_mb),
            GoalReached.of("from `up` to the first row, s", FIRST_ROW_GOAL_S, self.first_row_s),
            *(
                GoalReached.of(f"{target} killed: rows current, p95, s", goal, p95(summary, target))
                for target, goal in GOALS_S.items()
            ),
            *(
                [GoalReached.of("cost of three in that of one", one.ratio_goal, one.ratio)]
                if (one := self.spread)
                else []
            ),
        ]

    def result(self) -> Mapping[str, Any]:
        """Return the result of the record: that of the faults, and what else was measured."""
        more = {
            "image_mb": self.image_mb,
            "build_s": self.build_s,
            "first_row_s": self.first_row_s,
            "resumed_s": self.resumed_s,
            "spread": self.spread,
            "goals": self.goals,
            "hit": self.history,
        }
        return {**msgspec.to_builtins(self.faults), **msgspec.to_builtins(more)}


def p95(summary: Iterable[RecoveryTimes], target: str) -> float | None:
    """Return the recovery time of a target that was killed alone."""
    return next((t.p95 for t in summary if (t.kind, t.target) == (KILL, target)), None)


def write(folder: Path, parts: Parts, options: Mapping[str, Any], reasons: list[str]) -> None:
    """Write the record of a run, in place of the one that is there.

    Args:
        folder: of the record.
        parts: what was measured; all of it.
        options: of the plan of faults.
        reasons: why the run is not valid.

    """
    shutil.rmtree(folder, ignore_errors=True)
    results.create(folder)
    record = ResultRecord(
        schema=SCHEMA,
        name=folder.name,
        scenario=SCENARIO,
        command=COMMAND,
        started_us=parts.started_us,
        ended_us=clock.now_us(),
        ending=Ending.COMPLETE,
        validity=Validity(valid=not reasons, reasons=reasons),
        options=dict(options),
        settings={},
        machine=machine(),
        versions=versions(Settings()),
        result=parts.result(),
    )
    results.write(folder, record)
