"""`spaf bench scale`: a row a level, a slope a factor, and a compressed day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.scale.day import PARTS, DayResult
from spaf.bench.scale.factors import DAY, FACTORS, NOT_QUICK, SLOW, Conditions, conditions
from spaf.bench.scale.growth import Growth, MeasuredLevel
from spaf.bench.scale.level import Timing
from spaf.bench.scale.reasons import UNEXPLAINED, WHY
from spaf.bench.scale.slope import Slope
from spaf.bench.scenario import Names, Result, Scenario, Seconds, Table, option
from spaf.bench.spread import Spread
from spaf.errors import SettingsError, SpafError, StackError
from spaf.settings import Settings
from spaf.stack.control import Watcher
from spaf.stack.doctor.folder import MIN_FREE_MIB, require_space
from spaf.stack.doctor.machine import available_mib, needed_mib
from spaf.stack.state import RunFolder

# Length of a window: it holds one checkpoint of the job (5 s).
SECONDS = Seconds(5)
# Sales that are sold before a level is measured: the JVM compiles the code of each new job.
WARM_UP_S = 3.0
# The figures of a level and their headings.
FIGURES = {
    "taskmanager_us": "TaskManager µs",
    "stack_us": "stack µs",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "stack_mib": "memory MiB",
    "state_mib": "state MiB",
}
# A day: sales in each second of the log, and the time it is compressed to.
DAY_RATE, DAY_TOOK_S = 20, 150.0
QUICK_DAY_RATE, QUICK_DAY_S = 5, 40.0
# Disk space of a day: its records and its rows, upper bound.
DAY_MIB = 1_500


class FactorResult(msgspec.Struct, frozen=True):
    """A factor: its levels, and how each figure grows with it."""

    factor: str
    levels: list[MeasuredLevel]
    spreads: list[dict[str, Spread | None]]
    """Of each level, by figure."""
    slopes: dict[str, Slope | None]
    why: dict[str, str]
    """Why each figure that grows does so."""

    @classmethod
    def of(cls, factor: str, levels: Sequence[MeasuredLevel]) -> FactorResult:
        """Return the measured levels, their spreads, and slopes over their visits."""
        levels = [one for one in levels if one.visits]
        at = [one.level for one in levels]
        slopes = {
            figure: Slope.of(at, [one.by_visit(figure) for one in levels]) for figure in FIGURES
        }
        return cls(
            factor,
            levels,
            [{figure: one.spread(figure) for figure in FIGURES} for one in levels],
            slopes,
            {
                figure: WHY.get((factor, figure), UNEXPLAINED)
                for figure, slope in slopes.items()
                if slope is not None and slope.growing == "grows"
            },
        )

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row a level with the medians."""
        for one, spreads in zip(self.levels, self.spreads, strict=True):
            medians = (spread and spread.median for spread in spreads.values())
            yield (self.factor, one.level, *medians, one.counted)

    def ranges(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row a level with the range of the repeats, percent of the median."""
        for one, spreads in zip(self.levels, self.spreads, strict=True):
            yield (self.factor, one.level, *map(_range_percent, spreads.values()))

    @property
    def verdict(self) -> str:
        """Which figures are flat, fall, grow and why, or are not certain."""
        parts = []
        for growing in ("flat", "falls", "grows", "unclear"):
            names = [
                FIGURES[figure] + (f" ({self.why[figure]})" if figure in self.why else "")
                for figure, slope in self.slopes.items()
                if slope is not None and slope.growing == growing
            ]
            parts += [f"{growing}: {', '.join(names)}"] if names else []
        return f"{self.factor}: {'; '.join(parts)}."


def _range_percent(spread: Spread | None) -> float | None:
    if spread is None or not spread.median:
        return None
    return round(100 * (spread.max - spread.min) / spread.median, 1)


class ScaleResult(Result, frozen=True):
    """What was measured until the end, or until it was interrupted."""

    conditions: Conditions
    seconds: float
    factors: list[FactorResult]
    day: DayResult | None
    interrupted: bool
    failures: list[str]

    @property
    def invalid(self) -> list[str]:
        """What was not counted, and what failed if nothing was measured.

        A level that failed or that other programs disturbed has no figure; the others keep theirs.
        """
        measured = self.day is not None or any(factor.levels for factor in self.factors)
        reasons = [] if measured else list(self.failures)
        for factor in self.factors:
            reasons += [
                f"{factor.factor} {one.level:,.15g}: not every record is counted once"
                for one in factor.levels
                if not one.counted
            ]
        if self.day is not None:
            reasons += [] if self.day.exact else ["the tables of the day are not exact"]
        return reasons

    @property
    def reasons(self) -> list[str]:
        """Why it is not valid, and what grew."""
        growing = [] if self.day is None else self.day.growing
        grew = [f"the memory of {name} still grew" for name in growing]
        reasons = [*self.failures, *self.invalid, *grew]
        return list(dict.fromkeys(reasons)) + (["interrupted"] if self.interrupted else [])

    def tables(self) -> Iterable[Table]:
        """Return a row a level, a row a factor, and a row a process of the day."""
        figures = tuple(FIGURES.values())
        if self.factors:
            rows = [row for factor in self.factors for row in factor.rows()]
            columns = ("factor", "level", *figures, "counted")
            yield Table("medians; µs of processor time for each sale", columns, rows)
            if any(len(one.repeats) > 1 for factor in self.factors for one in factor.levels):
                rows = [row for factor in self.factors for row in factor.ranges()]
                yield Table("range of the repeats, % of the median", columns[:-1], rows)
            slopes = [
                (one.factor, *("" if s is None else str(s) for s in one.slopes.values()))
                for one in self.factors
            ]
            title = "exponents: 0 is flat, 1 is linear; ± half of the interval of 95 %"
            yield Table(title, ("factor", *figures), slopes)
        if self.day is not None:
            yield _day_table(self.day)

    def summary(self) -> str:
        """Return a sentence a factor: which figures are flat, and why the others are not."""
        sure = [one for one in self.factors if any(map(_has_interval, one.slopes.values()))]
        return "\n".join(one.verdict for one in sure)


def _has_interval(slope: Slope | None) -> bool:
    return slope is not None and slope.half_width is not None


def _day_table(day: DayResult) -> Table:
    part_hours = day.hours // PARTS
    hours = [f"to {(part + 1) * part_hours} h" for part in range(PARTS)]
    title = (
        f"memory, MiB, in {day.hours} h of {day.rate:g} sales/s in {day.seconds:g} s "
        f"({day.acceleration} times as fast)"
    )
    rows = [(name, *one.parts, one.slope_text, one.flat) for name, one in day.memory.items()]
    return Table(title, ("process", *hours, "MiB an hour", "flat"), rows)


class ScaleScenario(Scenario, frozen=True):
    """Measure cost, latency and memory as one factor grows tenfold and more, the others fixed.

    Each level has a topic, tables and a job of its own, unless only the load differs; stacks are in
    a run folder of their own. Levels are visited upwards, then downwards. The factor day writes 24
    hours of the log in some minutes and follows the memory of each process. Ctrl-C prints what was
    measured by then.
    """

    # A window that was disturbed is measured again; the memory of a day does not depend on it.
    judges_intervals: ClassVar[bool] = True

    factors: Annotated[
        Names, option(f"Factors, with commas between: {','.join((*FACTORS, DAY))}.")
    ] = (*FACTORS, DAY)
    levels: Annotated[
        Names, option("Levels in place of the usual ones, with commas; for one factor only.")
    ] = ()
    seconds: Annotated[Seconds, option("How long each repeat takes.", flag="--for")] = SECONDS
    repeats: Annotated[
        int, option("Measurements of each level, half of them upwards.", ge=1, le=20)
    ] = 2
    quick: Annotated[
        bool,
        option(
            "Two levels a factor, once, and a day in less than a minute; without "
            f"{', '.join(NOT_QUICK)}, unless --factors names them."
        ),
    ] = False

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check factors and levels, and that disk and memory are enough.

        Raises:
            SettingsError: a factor is unknown, or a level is not allowed.
            StackError: the disk or the memory is too small.

        """
        unknown = [name for name in self.factors if name not in (*FACTORS, DAY)]
        if unknown:
            raise SettingsError(
                f"--factors: there is no factor {unknown[0]!r}.",
                todo=f"Of: {', '.join((*FACTORS, DAY))}",
            )
        levels = {factor: self._levels(factor) for factor in self._factors()}
        self._require_room(settings, [one for item in levels.items() for one in conditions(*item)])
        return ()

    def _require_room(self, settings: Settings, plan: Sequence[Conditions]) -> None:
        disk_mib = sum(one.disk_mib for one in plan) + DAY_MIB * self._has_day
        require_space(RunFolder(settings.home), MIN_FREE_MIB + disk_mib)
        stacks = {one.stack for one in plan} | {Conditions().stack}
        needed = max(needed_mib(stack.settings(settings)) for stack in stacks)
        available = available_mib()
        if available < needed:
            raise StackError(
                f"{available:,} MiB of memory are available; the largest stack of these factors "
                f"needs about {needed:,} MiB.",
                todo="End other programs, or leave out factors with --factors.",
            )

    @property
    def _has_day(self) -> bool:
        return DAY in self.factors

    def _factors(self) -> list[str]:
        """Return the factors with levels, in the order of the stacks that they need."""
        everything = set(self.factors) == {*FACTORS, DAY}
        left_out = NOT_QUICK if self.quick and everything else ()
        return [name for name in FACTORS if name in self.factors and name not in left_out]

    def _levels(self, factor: str) -> list[float]:
        """Return the levels of a factor.

        Raises:
            SettingsError: one is not a number, not positive, or too large.

        """
        known = FACTORS[factor]
        if not self.levels:
            return list(known.quick if self.quick else known.levels)
        if len(self.factors) != 1:
            raise SettingsError(
                "--levels needs one factor.", todo="For example --factors rows --levels 1e5,1e7"
            )
        return [_level(factor, text) for text in self.levels]

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> ScaleResult:
        """Measure factor after factor, each on the stack that it needs.

        Raises:
            SpafError: a stack does not start, and nothing was measured by then.

        """
        growth = Growth(settings, watch, progress)
        interrupted = False
        try:
            self._measure(growth)
        except KeyboardInterrupt:
            interrupted = True
        except SpafError as error:
            if not growth.measured:
                raise
            growth.failures.append(f"the rest: {error.what}")
        finally:
            growth.close()
        return ScaleResult(
            conditions=Conditions(),
            seconds=self.seconds,
            factors=[FactorResult.of(name, levels) for name, levels in growth.factors.items()],
            day=growth.day,
            interrupted=interrupted,
            failures=growth.failures,
        )

    def _measure(self, growth: Growth) -> None:
        repeats, timing = 1 if self.quick else self.repeats, Timing(WARM_UP_S, self.seconds)
        # The day comes where the stack that most factors share is still up.
        first = [name for name in self._factors() if name not in SLOW]
        for factor in first:
            growth.measure_factor(factor, self._levels(factor), timing, repeats)
        if self._has_day:
            rate, seconds = (QUICK_DAY_RATE, QUICK_DAY_S) if self.quick else (DAY_RATE, DAY_TOOK_S)
            growth.measure_day(rate, seconds)
        for factor in self._factors()[len(first) :]:
            growth.measure_factor(factor, self._levels(factor), timing, repeats)


def _level(factor: str, text: str) -> float:
    """Return a level as a number.

    Raises:
        SettingsError: it is none, or not allowed.

    """
    try:
        level = float(text)
    except ValueError:
        level = float("nan")
    known = FACTORS[factor]
    kind = "number" if factor == "rate" else "whole number"
    allowed = factor == "rate" or level.is_integer()
    if not allowed or not known.min <= level <= known.max:
        raise SettingsError(
            f"--levels: {text!r} is no level of {factor}.",
            todo=f"A {kind} from {known.min:g} to {known.max:,.0f}.",
        )
    return level
