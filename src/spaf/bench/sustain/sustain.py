"""The sustainable rate by binary search, for several limits of the latency and parallelisms."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, NamedTuple, Self

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.run.load import offered
from spaf.bench.run.outcome import Measurement, Outcome
from spaf.bench.run.rates import measure_load
from spaf.bench.scenario import Rates, Result, Scenario, Seconds, Table, option
from spaf.bench.sustain.search import highest
from spaf.errors import LoadError, SpafError, VerifyError
from spaf.generate.rate import MAX_RATE, MIN_RATE
from spaf.measure.lag import LagSlope
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.run import Run, running

# The rate at which the JVM compiles the job before the first trial, and for how long, seconds.
WARM_RATE, WARM_S = 2_000.0, 15.0
# A trial that another program disturbed is repeated; more often than this the machine is not fit.
MAX_DISTURBED = 3
PARALLELISM: Rates = (1, 2)
QUICK_PARALLELISM: Rates = (1,)
# Rates are rounded to this many digits, so that they can be typed.
DIGITS = 3
COLUMNS = ("tasks", "p99 at most, ms", "sales/s", "range", "the next rate fails because")
GENERATOR = "the generator falls behind"


class Trial(msgspec.Struct, frozen=True):
    """One rate that was tried."""

    rate: float
    achieved_rate: float
    p99_ms: float | None
    lag: LagSlope | None
    generator_reasons: list[str]
    seconds: float

    @classmethod
    def of(cls, outcome: Outcome, seconds: float) -> Self:
        """Return what a trial has shown."""
        latency = outcome.measured.latency()
        load = outcome.load
        return cls(
            load.rate,
            load.achieved_rate,
            None if latency is None else latency.p99,
            LagSlope.of(outcome.measured),
            load.reasons,
            seconds,
        )

    def failure(self, limit_ms: float) -> str:
        """Return why the rate does not hold within a limit of the latency; nothing if it does."""
        if self.generator_reasons:
            return GENERATOR
        if self.p99_ms is not None and self.p99_ms > limit_ms:
            return f"p99 is {self.p99_ms:,.0f} ms"
        if self.p99_ms is None or self.lag is None:
            return "too few sales were measured"
        return self.lag_growth

    @property
    def lag_growth(self) -> str:
        """By how much the number of sales that wait grows; nothing if it stands still."""
        return "" if self.lag is None else self.lag.growth(self.rate)


class FoundRate(NamedTuple):
    """The bracket of one search, and why its upper rate fails."""

    holds: float | None
    fails: float | None
    why: str


class SustainableRate(msgspec.Struct, frozen=True):
    """The highest rate within one limit, of every repeat."""

    key: str
    """Parallelism and limit, as 2-100."""
    parallelism: int
    limit_ms: float
    median: float | None
    """Sales/s, the median over the repeats of the highest rate that held; None if none did."""
    repeats: list[FoundRate]

    @classmethod
    def of(cls, parallelism: int, limit_ms: float, repeats: list[FoundRate]) -> Self:
        """Return the median."""
        held = [0.0 if one.holds is None else one.holds for one in repeats]
        key = f"{parallelism}-{limit_ms:g}"
        return cls(key, parallelism, limit_ms, statistics.median(held) or None, repeats)

    @property
    def range(self) -> str:
        """Lowest and highest of the repeats."""
        held = [one.holds for one in self.repeats if one.holds is not None]
        return f"{min(held):,.0f} to {max(held):,.0f}" if held else ""

    @property
    def whys(self) -> str:
        """Why the next rate failed, each reason once."""
        return "; ".join(dict.fromkeys(one.why for one in self.repeats if one.why))


class SustainResult(Result, frozen=True):
    """The sustainable rates, and every trial."""

    seconds: float
    rates: list[SustainableRate]
    trials: dict[str, list[Trial]]
    """By parallelism and repeat, as 2-1."""
    failures: tuple[str, ...] = ()
    """Why a parallelism has no figure."""

    @property
    def reasons(self) -> list[str]:
        """Why there is no figure."""
        unheld = (
            f"no rate holds with parallelism {one.parallelism} and p99 of {one.limit_ms:g} ms"
            for one in self.rates
            if one.median is None
        )
        return [*self.failures, *unheld]

    @property
    def invalid(self) -> list[str]:
        """The same if there is no figure at all."""
        return [] if any(one.median for one in self.rates) else self.reasons

    def tables(self) -> Iterable[Table]:
        """Return a row for each parallelism and limit."""
        rows = [
            (
                one.parallelism,
                f"{one.limit_ms:g}",
                "" if one.median is None else f"{one.median:,.0f}",
                one.range,
                one.whys,
            )
            for one in self.rates
        ]
        yield Table(f"highest sustainable rate, {self.seconds:g} s a trial", COLUMNS, rows)


class SustainScenario(Scenario, frozen=True):
    """Search for the highest rate that holds: p99 within a limit, and a lag that does not grow.

    A rate holds if the generator keeps its schedule, if the 99th percentile from due to visible is
    within the limit, and if the number of sales that are due but not visible does not grow by more
    than the error of its slope and 0.5 % of the rate; growth must be found twice. The rate is
    doubled until it fails, then the bracket is halved. Every trial is verified; each parallelism
    has a stack with as many partitions.
    """

    # A trial that was disturbed is repeated.
    judges_intervals: ClassVar[bool] = True

    parallelism: Annotated[
        Rates, option("Parallel tasks, with commas between. By default 1,2; with --quick 1.")
    ] = ()
    p99: Annotated[Rates, option("Limits of the 99th percentile of the latency, milliseconds.")] = (
        100,
        1_000,
    )
    seconds: Annotated[Seconds, option("How long each trial lasts.", flag="--for")] = Seconds(20)
    repeats: Annotated[int, option("Searches, of which the median counts.", ge=1, le=20)] = 3
    start: Annotated[
        float, option("The first rate that is tried, sales/s.", ge=MIN_RATE, le=MAX_RATE)
    ] = 8_000
    precision: Annotated[
        float, option("Width of the last bracket, as a share of the rate.", ge=0.01, le=1)
    ] = 0.1
    quick: Annotated[bool, option("One repeat, 12 s a trial, 25 % wide.")] = False

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> SustainResult:
        """Search with each parallelism on a stack of its own.

        Raises:
            SpafError: no parallelism could be searched.

        """
        if self.quick:
            return self.short().measure(settings, watch, progress)
        rates: list[SustainableRate] = []
        trials: dict[str, list[Trial]] = {}
        failures: list[SpafError] = []
        for tasks in map(int, self.parallelism or PARALLELISM):
            searches: list[Search] = []
            try:
                rates += self._search(tasks, searches, settings, watch, progress)
            except SpafError as error:
                failures.append(error)
            trials |= {search.name: search.tried for search in searches}
        if failures and not rates:
            raise failures[0]
        return SustainResult(self.seconds, rates, trials, tuple(one.line for one in failures))

    def _search(
        self,
        tasks: int,
        searches: list[Search],
        settings: Settings,
        watch: Watcher,
        progress: Progress,
    ) -> list[SustainableRate]:
        """Return the rates with a parallelism; the searches are added to a list as they begin."""
        stack = _stack(self.settings(settings), tasks)
        try:
            with running(stack, watch) as run:
                searches += [
                    Search(run, f"{tasks}-{repeat}", self.seconds, progress)
                    for repeat in range(1, self.repeats + 1)
                ]
                found = list(self._found(searches))
        finally:
            control.down(stack, wipe=True)
        return [
            SustainableRate.of(tasks, limit_ms, [of_repeat[limit_ms] for of_repeat in found])
            for limit_ms in sorted(self.p99)
        ]

    def short(self) -> SustainScenario:
        """Return the search of --quick."""
        return msgspec.structs.replace(
            self,
            parallelism=self.parallelism or QUICK_PARALLELISM,
            seconds=Seconds(12),
            repeats=1,
            precision=0.25,
            quick=False,
        )

    def settings(self, settings: Settings) -> Settings:
        """Return the settings with a run folder of our own, which is deleted at the end."""
        return settings.model_copy(update={"home": settings.home / "sustain"})

    def _found(self, searches: Iterable[Search]) -> Iterator[dict[float, FoundRate]]:
        """Yield what each search finds, by limit.

        A wider limit begins where a narrower one ended, and a repeat where the last one did.
        """
        start = self.start
        for search in searches:
            search.warm_up()
            found: dict[float, FoundRate] = {}
            for limit_ms in sorted(self.p99):
                found[limit_ms] = search.find(limit_ms, start, self.precision)
                start = found[limit_ms].holds or start
            start = found[min(self.p99)].holds or self.start
            yield found


class Search:
    """The trials of one repeat on one stack; each rate is tried once."""

    def __init__(self, run: Run, name: str, seconds: float, progress: Progress) -> None:
        """Begin without a trial."""
        self.name = name
        self.tried: list[Trial] = []
        self._attempts: Counter[float] = Counter()
        self._run = run
        self._seconds = seconds
        self._progress = progress

    def warm_up(self) -> None:
        """Sell before the first trial, so that the JVM has compiled the job."""
        self._try(WARM_RATE, WARM_S)

    def find(self, limit_ms: float, start: float, precision: float) -> FoundRate:
        """Return the highest rate that holds within a limit, and why the next one fails.

        Raises:
            LoadError: other programs disturb every trial.
            VerifyError: the tables are not exact, or a sale was lost.

        """
        bracket = highest(lambda rate: not self._trial(rate).failure(limit_ms), start, precision)
        holds = None if bracket.holds is None else rounded(bracket.holds)
        if bracket.fails is None:
            return FoundRate(holds, None, "")
        failed = self._trial(bracket.fails)
        return FoundRate(holds, failed.rate, failed.failure(limit_ms))

    def _trial(self, rate: float) -> Trial:
        """Return the trial of a rate, which is tried the first time.

        A lag that grows by chance would end the search far below the rate that holds, so a growth
        must be found twice.
        """
        rate = rounded(rate)
        known = next((one for one in self.tried if one.rate == rate), None)
        if known is None:
            known = self._measured(rate)
            if known.lag_growth:
                known = self._measured(rate)
            self.tried.append(known)
        return known

    def _measured(self, rate: float) -> Trial:
        return Trial.of(self._try(rate, self._seconds), self._seconds)

    def _try(self, rate: float, seconds: float) -> Outcome:
        """Sell at a rate, again if another program disturbed it.

        Raises:
            LoadError: other programs disturb every trial.
            VerifyError: the tables are not exact, or a sale was lost.

        """
        reasons: list[str] = []
        for _ in range(MAX_DISTURBED):
            self._attempts[rate] += 1
            name = f"{self.name}-{rate:g}-{self._attempts[rate]}"
            with Measurement.start(self._run, name=name) as measurement:
                load = offered(self._run)
                outcome = measure_load(measurement, load, rate, seconds, self._progress)
            if not outcome.verdict.exact or outcome.measured.unseen:
                raise VerifyError(f"At {rate:g} sales/s: {'; '.join(outcome.reasons)}.")
            reasons = [] if outcome.interval is None else outcome.interval.reasons
            if not reasons:
                return outcome
        raise LoadError(
            f"Each of {MAX_DISTURBED} trials at {rate:g} sales/s was disturbed: "
            f"{'; '.join(reasons)}.",
            todo="End the other programs, then search again.",
        )


def rounded(rate: float) -> float:
    """Return a rate with DIGITS digits, within what the generator accepts."""
    return min(MAX_RATE, max(MIN_RATE, float(f"{rate:.{DIGITS}g}")))


def _stack(settings: Settings, tasks: int) -> Settings:
    """Return the settings of a stack of our own with as many partitions and slots as tasks."""
    return settings.model_copy(
        update={
            "kafka": KafkaSettings(heap_mib=settings.kafka.heap_mib, partitions=tasks),
            "flink": FlinkSettings(slots=tasks, task_heap_mib=settings.flink.task_heap_mib),
            "job": JobSettings(**settings.job.model_dump() | {"parallelism": tasks}),
        }
    )
