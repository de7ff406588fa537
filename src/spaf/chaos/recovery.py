"""`spaf bench recovery`: the same faults again and again; how long each takes, against its goal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Self

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.scenario import RATE_OPTION, Names, Result, Scenario, Table, option
from spaf.chaos.fault import JOIN, FaultKind
from spaf.chaos.faults.failover import LEADER
from spaf.chaos.faults.signals import ALL
from spaf.chaos.faults.supervisor import RUN
from spaf.chaos.outcome import SHARE_P95, ChaosResult, FaultOutcome, quantile
from spaf.chaos.plan import PlannedFault
from spaf.chaos.registry import KINDS
from spaf.chaos.scenario import RATE, ChaosScenario
from spaf.errors import SettingsError
from spaf.settings import Settings
from spaf.stack.control import Watcher
from spaf.stack.service_names import JOBMANAGER, KAFKA, POSTGRES, SUPERVISOR, TASKMANAGER

REPEATS = 3
MAX_REPEATS = 100
SHARE_P50 = 0.5


class RecoveryDrill(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that is made again and again, and its limits in seconds at p95; None: no limit."""

    kind: str
    target: str
    hold_s: float = 0.0
    max_rows_s: float | None = None
    """From the fault until rows are current."""
    max_still_s: float | None = None
    """The longest time without a further counted record."""
    max_healthy_s: float | None = None
    """From the fault until `spaf status` is well, too."""

    def planned(self, number: int) -> PlannedFault:
        """Return the fault as a part of a plan."""
        return PlannedFault(number, self.kind, self.target, self.hold_s)


DRILLS = {
    "taskmanager": RecoveryDrill(kind="kill", target=TASKMANAGER, max_rows_s=5.0),
    "postgres": RecoveryDrill(kind="kill", target=POSTGRES, max_rows_s=4.0),
    "kafka": RecoveryDrill(kind="kill", target=KAFKA, max_rows_s=7.0),
    "jobmanager": RecoveryDrill(kind="kill", target=JOBMANAGER, max_still_s=1.0, max_healthy_s=8.0),
    "jobmanager-kafka": RecoveryDrill(
        kind="kill", target=JOIN.join((JOBMANAGER, KAFKA)), max_rows_s=10.0
    ),
    "all": RecoveryDrill(kind="kill", target=ALL, max_rows_s=14.0),
    "supervisor": RecoveryDrill(kind="restart", target=SUPERVISOR, max_rows_s=12.0),
    "down-up": RecoveryDrill(kind="restart", target=RUN, max_rows_s=12.0),
    "paused-jobmanager": RecoveryDrill(
        kind="pause", target=JOBMANAGER, hold_s=25.0, max_still_s=1.0
    ),
    # In a run of its own, with two JobManagers.
    "failover": RecoveryDrill(kind="failover", target=LEADER, max_still_s=1.0, max_healthy_s=8.0),
}


class DrillTimes(msgspec.Struct, frozen=True):
    """The times of one drill, seconds; None if it was not made, or has not recovered."""

    drill: str
    count: int
    failed: int
    rows_p50_s: float | None
    rows_p95_s: float | None
    still_p50_s: float | None
    still_p95_s: float | None
    healthy_p50_s: float | None
    healthy_p95_s: float | None
    met: bool
    """Whether every limit holds, and no fault has failed."""

    @classmethod
    def of(cls, name: str, drill: RecoveryDrill, faults: Sequence[FaultOutcome]) -> Self:
        """Return the times of the faults of a drill."""
        made = [one for one in faults if one.made]
        failed = len(faults) - len(made) + sum(bool(one.failure) for one in made)
        rows = _quantiles(one.recovery_s for one in made)
        still = _quantiles(one.still_s for one in made)
        healthy = _quantiles(one.healthy_s for one in made)
        limits = (
            (rows, drill.max_rows_s),
            (still, drill.max_still_s),
            (healthy, drill.max_healthy_s),
        )
        met = bool(made) and not failed
        for (_, p95), limit in limits:
            met = met and (limit is None or (p95 is not None and p95 <= limit))
        return cls(name, len(made), failed, *rows, *still, *healthy, met)

    @property
    def cells(self) -> tuple[object, ...]:
        """The row of the table."""
        drill = DRILLS[self.drill]
        return (
            self.drill,
            self.count,
            _cell(self.rows_p50_s, self.rows_p95_s, drill.max_rows_s),
            _cell(self.still_p50_s, self.still_p95_s, drill.max_still_s),
            _cell(self.healthy_p50_s, self.healthy_p95_s, drill.max_healthy_s),
            self.met,
            self.failed,
        )


class RecoveryResult(Result, frozen=True, kw_only=True):
    """The times of each drill, and the plans that they were made in."""

    rate: float
    repeats: int
    drills: list[DrillTimes]
    plans: list[ChaosResult]

    @property
    def reasons(self) -> list[str]:
        """What was not survived; a time above its limit is a figure, not a failure."""
        return [reason for plan in self.plans for reason in plan.reasons]

    def tables(self) -> Iterable[Table]:
        """Return a row a drill."""
        columns = ("fault", "count", "rows current", "standing still", "healthy", "met", "failed")
        title = f"seconds at {self.rate:g} sales/s: p50, p95 (limit of p95)"
        yield Table(title, columns, [one.cells for one in self.drills])

    def summary(self) -> str:
        """Return what was proven."""
        return "\n".join(plan.summary() for plan in self.plans)


class ListedFaults(ChaosScenario, frozen=True, kw_only=True):
    """The engine of `spaf chaos` with faults that are listed instead of drawn."""

    listed: tuple[PlannedFault, ...]

    def chosen(self) -> Mapping[str, FaultKind]:
        """Return the kinds of the faults."""
        return {one.kind: KINDS[one.kind] for one in self.listed}

    def planned(self) -> Iterator[PlannedFault]:
        """Return the faults."""
        return iter(self.listed)

    def repeat(self, number: int) -> str:
        """Return the command that makes a fault again."""
        fault = self.listed[number - 1]
        name = next(name for name, drill in DRILLS.items() if drill.planned(number) == fault)
        return f"spaf bench recovery --faults {name} --repeats 1"


class RecoveryScenario(Scenario, frozen=True):
    """Make the same faults again and again under load; time to current rows and standing still."""

    faults: Annotated[Names, option("Faults, with commas; without, all of them.")] = ()
    repeats: Annotated[int, option("How often each.", ge=1, le=MAX_REPEATS)] = REPEATS
    rate: Annotated[float, RATE_OPTION] = RATE

    def prepare(self, settings: Settings) -> Iterable[str]:  # noqa: ARG002 - as in Scenario
        """Check the names of the faults.

        Raises:
            SettingsError: there is no such fault.

        """
        unknown = [name for name in self.faults if name not in DRILLS]
        if unknown:
            raise SettingsError(
                f"--faults {unknown[0]}: no such fault.", todo=f"There are: {', '.join(DRILLS)}."
            )
        return ()

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> RecoveryResult:
        """Make the faults in runs of their own; those of another kind of run in another one."""
        names = self.faults or tuple(DRILLS)
        plans, made = [], {}
        for by_name in (False, True):
            group = [name for name in names if KINDS[DRILLS[name].kind].by_name is by_name]
            if not group:
                continue
            order = group * self.repeats
            listed = tuple(DRILLS[name].planned(n) for n, name in enumerate(order, 1))
            engine = ListedFaults(faults=len(listed), rate=self.rate, listed=listed)
            plans.append(engine.measure(settings, watch, progress))
            for name in group:
                made[name] = [one for one in plans[-1].faults if order[one.number - 1] == name]
        return RecoveryResult(
            rate=self.rate,
            repeats=self.repeats,
            drills=[DrillTimes.of(name, DRILLS[name], made[name]) for name in names],
            plans=plans,
        )


def _quantiles(seconds: Iterable[float | None]) -> tuple[float | None, float | None]:
    """Return p50 and p95 of the times that are there."""
    ordered = sorted(one for one in seconds if one is not None)
    return quantile(ordered, SHARE_P50), quantile(ordered, SHARE_P95)


def _cell(p50: float | None, p95: float | None, limit: float | None) -> str:
    if p50 is None or p95 is None:
        return "-"
    return f"{p50:.1f}, {p95:.1f}" + ("" if limit is None else f" ({limit:g})")
