"""Drains in turns: throughput of the job, and what each table adds to the cost of the aggregates.

Jobs that write different sets of tables drain the same topic in turns, so that other load on the
machine affects all of them. The first turn runs code that is not compiled yet and is not counted.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Self

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.scenario import Names, Result, Table, option
from spaf.bench.throughput.drain import Drain, FullTopicScenario, drain, fill
from spaf.errors import SettingsError
from spaf.job.build import ANSWERS
from spaf.settings import Settings
from spaf.stack.run import Run

AGGREGATES = "aggregates"
ALL = "all"
# Each set holds the one before it.
TABLE_SETS = {
    AGGREGATES: ("sales_summary",),
    "ledger": ("sales_summary", "ledger_second"),
    "sale-anomalies": ("sales_summary", "ledger_second", "sale_anomaly"),
    ALL: ANSWERS,
}


class TableSetCost(msgspec.Struct, frozen=True):
    """The drains of a job that writes one set of tables; figures are medians."""

    events_per_second: int
    cpu_us_per_event: float
    over_aggregates_us: float
    exact: bool
    drains: Sequence[Drain]

    @classmethod
    def of(cls, drains: Sequence[Drain], aggregates: Sequence[Drain]) -> Self:
        """Return the medians of drains, without the first one, and their distance to another job's.

        Args:
            drains: of the job, in order.
            aggregates: of the job that writes the aggregates only.

        """
        cpu_us = _median_cpu_us(drains)
        return cls(
            round(statistics.median(one.events_per_second for one in _counted(drains))),
            cpu_us,
            round(cpu_us - _median_cpu_us(aggregates), 3),
            all(one.exact for one in drains),
            drains,
        )


def _counted(drains: Sequence[Drain]) -> Sequence[Drain]:
    return drains[1:] or drains


def _median_cpu_us(drains: Sequence[Drain]) -> float:
    return round(statistics.median(one.cpu_us_per_event for one in _counted(drains)), 3)


class DrainResult(Result, frozen=True, omit_defaults=True):
    """Throughput and cost of the job that writes every table that was asked for."""

    events: int
    events_per_second: int
    cpu_us_per_event: float
    exact: bool
    drains: Sequence[Drain]
    tables_compared: dict[str, TableSetCost] = msgspec.field(default_factory=dict)
    """Set of tables → its own figures, where several were compared."""

    @classmethod
    def of(cls, drains: Mapping[str, Sequence[Drain]]) -> Self:
        """Return the record of the drains of each set of tables; the last is the largest."""
        aggregates = drains.get(AGGREGATES, ())
        *_, largest = drains.values()
        compared = (
            {name: TableSetCost.of(of_set, aggregates) for name, of_set in drains.items()}
            if aggregates
            else {}
        )
        return cls(
            largest[0].events,
            round(statistics.median(one.events_per_second for one in _counted(largest))),
            _median_cpu_us(largest),
            all(one.exact for of_set in drains.values() for one in of_set),
            largest,
            compared,
        )

    @property
    def passed(self) -> bool:
        """Whether every drain was exact."""
        return self.exact

    def tables(self) -> Iterator[Table]:
        """Yield the drains, or what each set of tables adds."""
        if self.tables_compared:
            columns: tuple[str, ...] = ("tables", "events/s", "CPU µs/event", "over aggregates")
            costs = self.tables_compared.items()
            yield Table(
                "",
                (*columns, "exact"),
                [
                    (
                        name,
                        cost.events_per_second,
                        cost.cpu_us_per_event,
                        cost.over_aggregates_us,
                        cost.exact,
                    )
                    for name, cost in costs
                ],
            )
            return
        columns = ("drain", "events", "seconds", "events/s", "CPU µs/event", "exact")
        rows = [
            (
                number,
                one.events,
                one.seconds,
                one.events_per_second,
                one.cpu_us_per_event,
                one.exact,
            )
            for number, one in enumerate(self.drains, start=1)
        ]
        yield Table("", columns, rows)

    def failure(self) -> str:
        """Return what is wrong with a drain."""
        return "A drain was not exact: its tables differ from their recomputation."


class DrainScenario(FullTopicScenario, frozen=True):
    """Fill a topic, then run the whole job over it into PostgreSQL, and verify every row.

    The first drain of a TaskManager runs code that is not compiled yet; the figures are the median
    of the others, if there are any. With --tables, jobs that write fewer tables drain the topic in
    turns with it, and what each costs over the aggregates alone is reported; of a job that writes
    less than all tables, exact says that every event is counted.
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

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check the names of the sets and the room on the disk.

        Raises:
            SettingsError: a set has no such name.
            StackError: the disk has no room for the events.

        """
        unknown = [name for name in self.tables if name not in TABLE_SETS]
        if unknown:
            raise SettingsError(
                f"--tables: there is no set {unknown[0]!r}.", todo=f"Of: {', '.join(TABLE_SETS)}"
            )
        return FullTopicScenario.prepare(self, settings)

    def measure_run(self, run: Run, progress: Progress) -> DrainResult:
        """Fill the topic and drain it in turns.

        Raises:
            JobError: a job was refused or stopped.

        """
        asked = {*self.tables, AGGREGATES} if self.tables else {ALL}
        drains: dict[str, list[Drain]] = {name: [] for name in TABLE_SETS if name in asked}
        fill(run, self.events, progress)
        for number in range(1, self.drains + 1):
            for name, of_set in drains.items():
                of_set.append(drain(run, number, progress, TABLE_SETS[name]))
        return DrainResult.of(drains)
