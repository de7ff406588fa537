"""The measurements of several factors, each on the stack that it needs."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Sequence

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.scale.day import DayResult, measure_day
from spaf.bench.scale.factors import Conditions, Stack, conditions
from spaf.bench.scale.level import LevelResult, Timing, measure_level, prepare
from spaf.errors import SpafError
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.run import Run, running

# The first load of a stack, whose figures are dropped: the JVMs compile their own code.
FIRST_LOAD = Conditions(rate=5_000)
FIRST_TIMING = Timing(0.0, 10.0)


class MeasuredLevel(msgspec.Struct, frozen=True):
    """A level and its measurements, one a repeat."""

    level: float
    repeats: list[LevelResult]

    def median(self, figure: str) -> float | None:
        """Return the median of a figure over the repeats that have it."""
        known = [value for one in self.repeats if (value := getattr(one, figure)) is not None]
        return statistics.median(known) if known else None


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
        # The topic and the tables of each level on the present stack.
        self._prepared: dict[Conditions, Run] = {}
        self._results: dict[Conditions, LevelResult] = {}

    def close(self) -> None:
        """Stop the stack that is up, and delete its run folder."""
        self._prepared.clear()
        self._stack = self._run = None
        self._exit.close()

    def measure_factor(
        self, factor: str, levels: Sequence[float], timing: Timing, repeats: int
    ) -> None:
        """Measure the levels of a factor, up and down. A level that fails is noted and left out.

        Raises:
            StackError: a stack does not start.

        """
        measured = [MeasuredLevel(level, []) for level in levels]
        self.factors[factor] = measured
        pairs = list(zip(measured, conditions(factor, levels), strict=True))
        for number in range(repeats):
            # Every other repeat goes down: code is compiled further and memory grows with each job
            # that a TaskManager has run, whatever the level.
            for level, wanted in reversed(pairs) if number % 2 else pairs:
                name = f"{factor} {level.level:,.15g}"
                if any(failure.startswith(f"{name}:") for failure in self.failures):
                    continue
                title = f"{name}, {number + 1} of {repeats}" if repeats > 1 else name
                # Measured once, factors share the level that is the usual condition.
                known = self._results.get(wanted) if repeats == 1 else None
                if known is not None:
                    level.repeats.append(known)
                    continue
                run = self._on(wanted.stack)
                try:
                    level.repeats.append(self._measure(run, wanted, timing, title))
                    self._results[wanted] = level.repeats[-1]
                except SpafError as error:
                    self.failures.append(f"{name}: {error.what}")

    def measure_day(self, rate: int, seconds: float) -> None:
        """Measure a day; a failure is noted.

        Raises:
            StackError: the stack does not start.

        """
        try:
            self.day = measure_day(self._on(Conditions().stack), rate, seconds, self._progress)
        except SpafError as error:
            self.failures.append(f"day: {error.what}")

    def _measure(self, run: Run, wanted: Conditions, timing: Timing, title: str) -> LevelResult:
        def progress(doing: str, done: int = 0, total: int | None = None, /) -> None:
            self._progress(f"{title}: {doing}", done, total)

        target = self._prepared.get(wanted)
        if target is None:
            target = self._prepared[wanted] = prepare(run, wanted, progress)
        return measure_level(target, wanted, timing, progress)

    def _on(self, stack: Stack) -> Run:
        """Return a run of this stack: the one that is up, or a new one."""
        if self._run is not None and self._stack == stack:
            return self._run
        self.close()
        self._progress("starting services")
        self._run = self._exit.enter_context(self._started(stack))
        self._stack = stack
        viewers = int(stack.page)
        first = msgspec.structs.replace(FIRST_LOAD, viewers=viewers)
        self._measure(self._run, first, FIRST_TIMING, "first load")
        return self._run

    @contextlib.contextmanager
    def _started(self, stack: Stack) -> Iterator[Run]:
        settings = stack.settings(self._settings)
        try:
            with running(settings, self._watch, bare=not stack.page) as run:
                yield run
        finally:
            control.down(settings, wipe=True)
