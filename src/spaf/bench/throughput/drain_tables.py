"""Drains in turns: throughput of the job, and what each table adds to the cost of the aggregates.

Jobs that write different sets of tables drain the same topic in turns, so that other load on the
machine affects all of them. The first turn runs code that is not compiled yet and is not counted.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Self

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.scenario import Names, Result, Table, option, table_of
from spaf.bench.throughput.drain import Drain, FullTopicScenario, drain, drained, fill
from spaf.bench.throughput.limits import drain_limits
from spaf.bench.throughput.profile import DrainProfile, Profiler, require_profiler
from spaf.errors import SettingsError
from spaf.job.build import SINKS
from spaf.settings import Settings
from spaf.stack.run import Run

AGGREGATES = "aggregates"
ALL = "all"
COLUMNS = {
    "events": "events",
    "seconds": "seconds",
    "events/s": "events_per_second",
    "CPU µs/event": "cpu_us_per_event",
    "exact": "exact",
}
LIMIT_COLUMNS = ("", "events/s", "CPU µs/event", "exact")
# Each set holds the one before it.
TABLE_SETS = {
    AGGREGATES: ("sales_summary",),
    "ledger": ("sales_summary", "ledger_second"),
    "sale-anomalies": ("sales_summary", "ledger_second", "sale_anomaly"),
    ALL: SINKS,
}


class TableSetResult(Result, frozen=True):
    """The drains of a job that writes one set of tables; figures are medians."""

    events: int
    events_per_second: int
    cpu_us_per_event: float
    exact: bool
    drains: Sequence[Drain]

    @classmethod
    def of(cls, drains: Sequence[Drain], **fields: Any) -> Self:
        """Return the medians of drains without the first one, if there are others."""
        counted = drains[1:] or drains
        return cls(
            drains[0].events,
            round(statistics.median(each.events_per_second for each in counted)),
            round(statistics.median(each.cpu_us_per_event for each in counted), 3),
            all(each.exact for each in drains),
            drains,
            **fields,
        )


class DrainResult(TableSetResult, frozen=True, omit_defaults=True):
    """The drains of the largest set of tables, and those of every set if several were compared."""

    limits: dict[str, TableSetResult] = msgspec.field(default_factory=dict)
    """What the same TaskManager reaches over the same topic when it does less than the job."""
    profile: DrainProfile | None = None
    """The last drain by part of the job."""
    sets: dict[str, TableSetResult] = msgspec.field(default_factory=dict)
    over_aggregates_us: dict[str, float] = msgspec.field(default_factory=dict)
    """Set of tables → what it costs more than the aggregates, microseconds an event."""

    @classmethod
    def compare(cls, drains: Mapping[str, Sequence[Drain]], **fields: Any) -> Self:
        """Return the result of the drains of each set of tables; the last set is the largest."""
        *_, largest = drains.values()
        if AGGREGATES not in drains:
            return cls.of(largest, **fields)
        sets = {name: TableSetResult.of(of_set) for name, of_set in drains.items()}
        cost_us = {name: drained.cpu_us_per_event for name, drained in sets.items()}
        added_us = {name: round(us - cost_us[AGGREGATES], 3) for name, us in cost_us.items()}
        return cls.of(largest, sets=sets, over_aggregates_us=added_us, **fields)

    @property
    def reasons(self) -> list[str]:
        """Which set of tables was not exact."""
        sets = {**(self.sets or {ALL: self}), **self.limits}
        return [
            f"a drain of {name} is not exact" for name, drained in sets.items() if not drained.exact
        ]

    def tables(self) -> Iterable[Table]:
        """Return a row a drain or a set of tables, the job and its limits, and its parts."""
        yield self._drains_table()
        if self.limits:
            jobs = {**self.limits, "job": self}
            rows = [
                (name, job.events_per_second, job.cpu_us_per_event, job.exact)
                for name, job in jobs.items()
            ]
            yield Table("the job and its limits", LIMIT_COLUMNS, rows)
        if self.profile is not None:
            yield self.profile.table()

    def _drains_table(self) -> Table:
        if not self.sets:
            return table_of(self.drains, COLUMNS)
        rows = [
            (
                name,
                drained.events_per_second,
                drained.cpu_us_per_event,
                self.over_aggregates_us[name],
            )
            for name, drained in self.sets.items()
        ]
        columns = ("tables", "events/s", "CPU µs/event", "over aggregates")
        return Table("", columns, rows)

    def summary(self) -> str:
        """Return where the recording is, if there is one."""
        return "" if self.profile is None else f"recording: {self.profile.recording}"


class DrainScenario(FullTopicScenario, frozen=True):
    """Fill a topic, then run the whole job over it into PostgreSQL, and verify every row.

    The first drain of a TaskManager runs code that is not compiled yet; the figures are the median
    of the others, if there are any. Two limits are measured over the same topic: a scan that only
    counts records, and one that decodes the columns of the job. With --tables, jobs that write
    fewer tables drain the topic in turns with it, and what each costs over the aggregates alone is
    reported; of a job that writes less than all tables, exact says that every event is counted.
    --profile shows the last drain by part of the job, from the JVM's own recorder.
    """

    events: Annotated[int, option("Events in the topic.", ge=1_000)] = 3_000_000
    drains: Annotated[int, option("Drains on one TaskManager, of each job.", ge=1, le=20)] = 2
    tables: Annotated[
        Names,
        option(
            f"Sets of tables to compare, of {', '.join(TABLE_SETS)}; with commas. "
            "The aggregates are always compared."
        ),
    ] = ()
    profile: Annotated[
        bool, option("Show the last drain by part of the job; recording costs about a hundredth.")
    ] = False

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the stack, with those of a profile if one is asked for."""
        chosen = FullTopicScenario.settings(self, settings)
        flink = chosen.flink.model_copy(update={"profiling": self.profile})
        return chosen.model_copy(update={"flink": flink})

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check the names of the sets, the recorder and the room on the disk.

        Raises:
            SettingsError: a set has no such name, or the cluster is not SPAF's.
            SetupError: this Java has no recorder.
            StackError: the disk has no room for the events.

        """
        unknown = [name for name in self.tables if name not in TABLE_SETS]
        if unknown:
            raise SettingsError(
                f"--tables: there is no set {unknown[0]!r}.", todo=f"Of: {', '.join(TABLE_SETS)}"
            )
        if self.profile:
            require_profiler(settings)
        return FullTopicScenario.prepare(self, settings)

    def measure_run(self, run: Run, progress: Progress) -> DrainResult:
        """Fill the topic and drain it in turns; then measure its limits."""
        asked = {*self.tables, AGGREGATES} if self.tables else {ALL}
        drains: dict[str, list[Drain]] = {name: [] for name in TABLE_SETS if name in asked}
        fill(run, self.events, progress)
        profiler = None
        for number in range(1, self.drains + 1):
            for name, of_set in drains.items():
                if self.profile and number == self.drains and name == ALL:
                    profiler = Profiler(run, drained(run))
                of_set.append(drain(run, number, progress, TABLE_SETS[name], profiler))
        # After the drains: what these jobs do differently would change how those are compiled.
        limits = {
            name: TableSetResult.of(of_limit)
            for name, of_limit in drain_limits(run, self.drains, progress).items()
        }
        profile = None if profiler is None else profiler.profile
        return DrainResult.compare(drains, limits=limits, profile=profile)
