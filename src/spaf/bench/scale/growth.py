"""The measurements of several factors, each on the stack that it needs."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Sequence

import msgspec

from spaf.bench.progress import Progress, Step
from spaf.bench.scale.day import DayResult, measure_day
from spaf.bench.scale.factors import FACTORS, Conditions, Stack, conditions
from spaf.bench.scale.level import LevelResult, Timing, level_job, measure_visit
from spaf.bench.scale.preload import prepare
from spaf.bench.spread import Spread
from spaf.errors import SpafError
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.run import Run, running

# The first load of a stack, whose figures are dropped: the JVMs compile their own code.
FIRST_LOAD = Conditions(rate=10_000, records=600_000)
# Records more for each TaskManager but one.
MORE_RECORDS = 300_000
FIRST_TIMING = Timing(warm_up_s=6.0, seconds=0.0, windows=0)


class MeasuredLevel(msgspec.Struct, frozen=True):
    """A level and its measurements: the repeats of each visit, which follow one another."""

    level: float
    visits: list[list[LevelResult]]

    @property
    def repeats(self) -> list[LevelResult]:
        """The measurements of all visits."""
        return [one for visit in self.visits for one in visit]

    @property
    def counted(self) -> bool:
        """Whether the ledger counted each record of each visit once."""
        return all(one.counted for one in self.repeats)

    def spread(self, figure: str) -> Spread | None:
        """Return median and range of a figure over the repeats that have it."""
        known = [value for one in self.repeats if (value := getattr(one, figure)) is not None]
        return Spread.of(known) if known else None

    def by_visit(self, figure: str) -> list[float]:
        """Return the median of a figure in each visit that has it."""
        known = [[getattr(one, figure) for one in visit] for visit in self.visits]
        visits = [[value for value in visit if value is not None] for visit in known]
        return [statistics.median(visit) for visit in visits if visit]


def visits(repeats: int) -> tuple[int, ...]:
    """Return the repeats of each visit of a level: all at once, or half upwards, half downwards.

    Code is compiled further and memory grows with each job that a TaskManager has run, whatever the
    level; this changes the levels of both directions alike.
    """
    return (repeats - repeats // 2, repeats // 2) if repeats > 1 else (1,)


def first_load(stack: Stack) -> Conditions:
    """Return the first load of a stack: every TaskManager has a task of it."""
    tasks = stack.task_managers * stack.slots if stack.task_managers > 1 else 1
    return msgspec.structs.replace(
        FIRST_LOAD,
        viewers=int(stack.page),
        partitions=tasks,
        parallelism=tasks,
        records=FIRST_LOAD.records + MORE_RECORDS * (stack.task_managers - 1),
    )


class Growth:
    """Measures factors, and keeps what was measured: it may be interrupted."""

    def __init__(self, settings: Settings, watch: Watcher, progress: Progress) -> None:
        """Start without a stack."""
        self.factors: dict[str, list[MeasuredLevel]] = {}
        self.failures: list[str] = []
        self.day: DayResult | None = None
        self._settings = settings
        self._watch = watch
        self._progress = progress
        self._exit = contextlib.ExitStack()
        self._stack: Stack | None = None
        self._run: Run | None = None
        # The job that is up, with its topic and tables: kept for a factor that changes only the
        # load.
        self._job_exit = contextlib.ExitStack()
        self._job: tuple[Run, str] | None = None
        # The topic and the tables of each level on the present stack.
        self._prepared: dict[Conditions, Run] = {}
        self._results: dict[Conditions, list[LevelResult]] = {}

    @property
    def measured(self) -> bool:
        """Whether there is a measurement."""
        levels = (level for factor in self.factors.values() for level in factor)
        return self.day is not None or any(level.visits for level in levels)

    def close(self) -> None:
        """Stop the stack that is up, and delete its run folder."""
        self._prepared.clear()
        self._stack = self._run = None
        try:
            self._end_job()
        finally:
            self._exit.close()

    def measure_factor(
        self, factor: str, levels: Sequence[float], timing: Timing, repeats: int
    ) -> None:
        """Measure the levels of a factor, up and down. A visit that fails is noted and left out.

        Raises:
            StackError: a stack does not start.

        """
        measured = [MeasuredLevel(level, []) for level in levels]
        self.factors[factor] = measured
        pairs = list(zip(measured, conditions(factor, levels), strict=True))
        for number, windows in enumerate(visits(repeats)):
            for level, wanted in reversed(pairs) if number % 2 else pairs:
                # Measured once, factors share the level that is the usual condition.
                known = self._results.get(wanted) if repeats == 1 else None
                if known is not None:
                    level.visits.append(known)
                    continue
                direction = ", downwards" if number % 2 else ", upwards"
                title = f"{factor} {level.level:,.15g}{direction if repeats > 1 else ''}"
                run = self._on(wanted.stack)
                try:
                    found = self._visit(
                        run,
                        wanted,
                        timing._replace(windows=windows),
                        title,
                        keep_job=FACTORS[factor].load_only,
                    )
                except SpafError as error:
                    self.failures.append(f"{title}: {error.what}")
                else:
                    level.visits.append(found)
                    self._results[wanted] = found
        self._end_job()

    def measure_day(self, rate: int, seconds: float) -> None:
        """Measure a day; a failure is noted.

        Raises:
            StackError: the stack does not start.

        """
        try:
            self.day = measure_day(self._on(Conditions().stack), rate, seconds, self._progress)
        except SpafError as error:
            self.failures.append(f"day: {error.what}")

    def _visit(
        self, run: Run, wanted: Conditions, timing: Timing, title: str, *, keep_job: bool = False
    ) -> list[LevelResult]:
        def progress(
            doing: str, done: int = 0, total: int | None = None, /, *, step: Step | None = None
        ) -> None:
            self._progress(f"{title}: {doing}", done, total, step=step)

        keep = False
        try:
            target, job = self._job or self._start_job(run, wanted, progress)
            found = measure_visit(target, wanted, job, timing, progress, name=title)
            keep = keep_job
        finally:
            if not keep:
                self._end_job()
        return found

    def _start_job(self, run: Run, wanted: Conditions, progress: Progress) -> tuple[Run, str]:
        target = self._prepared.get(wanted)
        if target is None:
            target = self._prepared[wanted] = prepare(run, wanted, progress)
        job = self._job_exit.enter_context(level_job(target, wanted, progress))
        self._job = target, job
        return self._job

    def _end_job(self) -> None:
        self._job = None
        self._job_exit.close()

    def _on(self, stack: Stack) -> Run:
        """Return a run of this stack: the one that is up, or a new one."""
        if self._run is not None and self._stack == stack:
            return self._run
        self.close()
        self._progress("starting services")
        self._run = self._exit.enter_context(self._started(stack))
        self._stack = stack
        self._visit(self._run, first_load(stack), FIRST_TIMING, "first load")
        return self._run

    @contextlib.contextmanager
    def _started(self, stack: Stack) -> Iterator[Run]:
        settings = stack.settings(self._settings)
        try:
            with running(settings, self._watch, bare=not stack.page) as run:
                yield run
        finally:
            control.down(settings, wipe=True)
