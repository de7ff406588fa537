"""Latency, exactness and cost at several rates, one after the other on one stack."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import msgspec

from spaf import clock
from spaf.bench.page.access import open_screen
from spaf.bench.progress import Progress
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import WARM_UP_S, Measurement, Outcome
from spaf.bench.scenario import Rates, Result, Scenario, Seconds, Table, option
from spaf.bench.spread import Spread
from spaf.errors import BrowserError
from spaf.generate.locust.command import LoadSpec
from spaf.measure.browser import NO_SANDBOX, find, runs_as_root
from spaf.measure.resources import CoreUse
from spaf.measure.screen import Screen
from spaf.settings import Settings
from spaf.stack.doctor.folder import MIN_FREE_MIB, require_space
from spaf.stack.run import Run
from spaf.stack.state import RunFolder

POLL_INTERVAL_S = 0.1
RATES: Rates = (10, 50, 100, 500, 1_000, 5_000, 10_000)
DURATION_S = Seconds(60)
REPEATS = 3
# A look at the whole in less than three minutes, the start of the services included.
QUICK_RATES: Rates = (10, 50, 100, 1_000, 5_000)
QUICK_DURATION_S = Seconds(6)
# Before the first measurement, at a rate at which the JVM soon finds the code worth compiling. It
# is verified, not measured: the rate that comes first would be measured on code of another kind.
FIRST_WARM_UP_RATE = 1_000.0
FIRST_WARM_UP_S = 30.0
# After 3 s the first rate of a look still had six times the p99 of the next one.
QUICK_WARM_UP_S = 15.0
# Disk space of a sale, upper bound: in the topic, and in the dump of a verification.
SALE_BYTES = 2 * 400
NO_BROWSER = "There is no Chromium: the steps to the screen are not measured."
LATENCY_FIGURES = ("p50", "p90", "p99", "max")
COLUMNS = (
    *("sales/s", "records", "unaccounted", "differences", "p50 ms", "p99 ms", "max ms"),
    *("screen p50", "screen p99", "memory MiB", "CPU cores", "generator", "valid"),
)
REPEATED_COLUMNS = (
    *("sales/s", "valid", "achieved", "p50 ms", "p99 ms", "max ms", "screen p50", "screen p99"),
    *("delay p99", "CPU cores", "generator", "memory MiB"),
)
HOPS = {
    "due_sent": "due → sent",
    "sent_appended": "→ appended",
    "appended_written": "→ written",
    "written_visible": "→ visible",
    "visible_received": "→ page",
    "received_painted": "→ painted",
}
INTERRUPTED = "interrupted: the measurements up to then"


class RateFigures(msgspec.Struct, frozen=True):
    """The valid measurements at one rate: medians with their range; None without a valid one."""

    rate: float
    repeats: int
    valid: int
    achieved_rate: Spread | None
    """Sales a second that became visible in PostgreSQL."""
    latency_ms: dict[str, dict[str, Spread]]
    """Of each measured place: p50, p90, p99, max."""
    publish_delay_p99_ms: Spread | None
    """Sent minus due: the generator's own delay, which is a part of the latency."""
    cpu_cores: Spread | None
    generator_cores: Spread | None
    rss_mib: Spread | None

    @classmethod
    def of(cls, rate: float, outcomes: Sequence[dict[str, Any]]) -> Self:
        """Return the figures of all measurements at a rate."""
        valid = [one for one in outcomes if one["valid"]]

        def spread(*path: str) -> Spread | None:
            found = [value for one in valid if (value := _at(one, path)) is not None]
            return Spread.of(found) if found else None

        latency = {}
        for place in ("store", "screen"):
            figures = ((name, spread("latency_ms", place, name)) for name in LATENCY_FIGURES)
            latency[place] = {name: one for name, one in figures if one is not None}
        return cls(
            rate=rate,
            repeats=len(outcomes),
            valid=len(valid),
            achieved_rate=spread("visible_rate"),
            latency_ms={place: figures for place, figures in latency.items() if figures},
            publish_delay_p99_ms=spread("publish_delay_ms", "p99"),
            cpu_cores=spread("cpu_cores"),
            generator_cores=spread("cores", "generator"),
            rss_mib=spread("rss_mib"),
        )

    def row(self) -> tuple[Any, ...]:
        """Return the cells of the table."""
        store, screen = (self.latency_ms.get(place, {}) for place in ("store", "screen"))
        figures = [
            self.achieved_rate,
            *(store.get(name) for name in ("p50", "p99", "max")),
            *(screen.get(name) for name in ("p50", "p99")),
            *(self.publish_delay_p99_ms, self.cpu_cores, self.generator_cores, self.rss_mib),
        ]
        medians = (None if one is None else one.median for one in figures)
        return self.rate, f"{self.valid} of {self.repeats}", *medians


def _at(outcome: dict[str, Any], path: Sequence[str]) -> float | None:
    """Return the figure at a path of keys; None where one is missing."""
    value: Any = outcome
    for key in path:
        value = None if value is None else value.get(key)
    figure: float | None = value
    return figure


def _middle(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the measurement with the median p99 to PostgreSQL, one that is valid if any is."""
    valid = [one for one in outcomes if one["valid"]]
    if not valid:
        return outcomes[0]
    ordered = sorted(valid, key=lambda one: _at(one, ("latency_ms", "store", "p99")) or 0.0)
    return ordered[(len(ordered) - 1) // 2]


class RatesResult(Result, frozen=True):
    """The measurements, each as `Outcome.as_dict` has it."""

    seconds: float
    rates: list[dict[str, Any]]
    """One of each rate: that with the median p99. Its steps are those of the same sales."""
    figures: list[RateFigures]
    measurements: list[dict[str, Any]]
    """All of them, by rate and repeat."""
    interrupted: bool

    @classmethod
    def of(
        cls,
        seconds: float,
        outcomes: Sequence[dict[str, Any]],
        *,
        interrupted: bool = False,
        **fields: Any,
    ) -> Self:
        """Return the result of measurements, by rate and repeat."""
        measured = sorted(outcomes, key=lambda one: (one["rate"], one.get("repeat", 1)))
        by_rate = {
            rate: [one for one in measured if one["rate"] == rate]
            for rate in dict.fromkeys(one["rate"] for one in measured)
        }
        return cls(
            seconds=seconds,
            rates=[_middle(of_rate) for of_rate in by_rate.values()],
            figures=[RateFigures.of(rate, of_rate) for rate, of_rate in by_rate.items()],
            measurements=measured,
            interrupted=interrupted,
            **fields,
        )

    @property
    def reasons(self) -> list[str]:
        """Why measurements are not valid."""
        reasons = [f"{_name(one)}: {why}" for one in self.measurements for why in one["reasons"]]
        return reasons + ([INTERRUPTED] if self.interrupted else [])

    @property
    def invalid(self) -> list[str]:
        """The same if none is valid; a valid one is reported, whatever the others are."""
        return [] if any(one["valid"] for one in self.rates) else self.reasons

    def tables(self) -> Iterable[Table]:
        """Return a row a rate: its figures, and the steps of one measurement."""
        title = "intended → visible in PostgreSQL, every sale"
        columns: Sequence[str]
        if all(one.repeats == 1 for one in self.figures):
            columns, rows = COLUMNS, list(map(_row, self.rates))
        else:
            title = f"{title}; medians of the valid measurements"
            columns, rows = REPEATED_COLUMNS, [one.row() for one in self.figures]
        # Without a browser, nothing of the screen.
        shown = [at for at, name in enumerate(columns) if "screen" not in name or _any(rows, at)]
        cells = [[row[at] for at in shown] for row in rows]
        return [Table(title, [columns[at] for at in shown], cells), self.hops()]

    def hops(self) -> Table:
        """Return how long each step of a sale takes, a row a rate."""
        measured = [hop for hop in HOPS if any(hop in (one["hops_ms"] or {}) for one in self.rates)]
        columns = ("sales/s", *(HOPS[hop] for hop in measured))
        rows = [(one["rate"], *(_hop(one, hop) for hop in measured)) for one in self.rates]
        return Table("of which, p50 / p99 / mean, ms", columns, rows)

    def summary(self) -> str:
        """Return who used the cores at each rate that has a valid measurement."""
        uses = (
            (_name(one), msgspec.convert(one["cores"], CoreUse))
            for one in self.rates
            if one["valid"]
        )
        return "\n".join(f"{name}: {use.sentence}" for name, use in uses)


def _row(outcome: dict[str, Any]) -> tuple[Any, ...]:
    """Return the cells of a single measurement."""
    counts = (outcome[key] for key in ("rate", "records", "unaccounted", "differences"))
    latency = (_at(outcome, ("latency_ms", "store", name)) for name in ("p50", "p99", "max"))
    screen = (_at(outcome, ("latency_ms", "screen", name)) for name in ("p50", "p99"))
    cost = outcome["rss_mib"], outcome["cpu_cores"], outcome["cores"]["generator"]
    return *counts, *latency, *screen, *cost, outcome["valid"]


def _any(rows: Sequence[Sequence[Any]], column: int) -> bool:
    return any(row[column] is not None for row in rows)


def _name(outcome: dict[str, Any]) -> str:
    """Name a measurement: by its rate, and by its repeat after the first."""
    repeat = outcome.get("repeat", 1)
    return f"{outcome['rate']:g} sales/s" + (f" (repeat {repeat})" if repeat > 1 else "")


def _hop(outcome: dict[str, Any], hop: str) -> str:
    durations = (outcome["hops_ms"] or {}).get(hop)
    if durations is None:
        return ""
    return f"{durations['p50']:.2f} / {durations['p99']:.1f} / {durations['mean']:.2f}"


def _listed(rates: Rates) -> str:
    return ",".join(f"{rate:g}" for rate in rates)


class RatesScenario(Scenario, frozen=True):
    """Sell at each rate in turn; verify all; latency of every sale, memory and processor time.

    The rates are measured several times, in an order that is shuffled anew for each repeat, so that
    what changes with time affects all of them. Where there is a Chromium, the page is open in it,
    and every sale is followed to its paint. --quick takes less than three minutes.
    """

    judges_intervals: ClassVar[bool] = True

    rates: Annotated[
        Rates,
        option(
            f"Sales a second, with commas between. By default {_listed(RATES)}; with --quick "
            f"{_listed(QUICK_RATES)}."
        ),
    ] = ()
    seconds: Annotated[
        Seconds,
        option(
            f"How long to measure at each rate, after the warm-up. By default {DURATION_S:g}s; "
            f"with --quick {QUICK_DURATION_S:g}s.",
            flag="--for",
        ),
    ] = Seconds(0)
    repeats: Annotated[
        int, option(f"Measurements at each rate. 0: {REPEATS}, with --quick 1.", ge=0, le=20)
    ] = 0
    seed: Annotated[int, option("Seed of the order of the rates.", ge=0)] = 1
    screen: Annotated[
        bool,
        option(
            "Whether the page is open in headless Chromium, if there is one.",
            flag="--screen/--no-screen",
        ),
    ] = True
    quick: Annotated[bool, option("A look at the whole in less than three minutes.")] = False

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check the space on the disk; return the notice of a missing browser or sandbox.

        Raises:
            StackError: the disk has no room for the sales.

        """
        sales = sum(rate for rate, _ in self.order()) * sum(self.timing())
        require_space(RunFolder(settings.home), MIN_FREE_MIB + int(sales * SALE_BYTES) // 2**20)
        if not self.screen:
            return ()
        if self._browser(settings) is None:
            return (NO_BROWSER,)
        return (NO_SANDBOX,) if runs_as_root() else ()

    def measure_run(self, run: Run, progress: Progress) -> RatesResult:
        """Measure the rates on one stack, repeat after repeat."""
        program = self._browser(run.settings) if self.screen else None
        outcomes: list[dict[str, Any]] = []
        interrupted = False
        try:
            if len(list(self.order())) > 1:
                self._warm_up(run, progress)
            for outcome in self._outcomes(run, program, progress):
                outcomes.append(outcome)  # noqa: PERF402 - those up to an interruption are kept
        except KeyboardInterrupt:
            if not outcomes:
                raise
            interrupted = True
        _, seconds = self.timing()
        return RatesResult.of(seconds, outcomes, interrupted=interrupted)

    def order(self) -> Iterator[tuple[float, int]]:
        """Yield rate and repeat of each measurement in their order: each repeat has all rates."""
        chosen = dict.fromkeys(self.rates or (QUICK_RATES if self.quick else RATES))
        shuffled = random.Random(self.seed)  # noqa: S311 - an order is no secret
        for repeat in range(1, (self.repeats or (1 if self.quick else REPEATS)) + 1):
            rates = list(chosen)
            shuffled.shuffle(rates)
            yield from ((rate, repeat) for rate in rates)

    def timing(self) -> tuple[float, float]:
        """Return how long a rate is sold without being measured, and how long it is measured."""
        seconds = self.seconds or (QUICK_DURATION_S if self.quick else DURATION_S)
        return min(WARM_UP_S, seconds / 2), seconds

    def _outcomes(
        self, run: Run, program: Path | None, progress: Progress
    ) -> Iterator[dict[str, Any]]:
        order, timing = list(self.order()), self.timing()
        for number, (rate, repeat) in enumerate(order, 1):
            doing = _numbered(progress, number, len(order))
            doing(f"{rate:g} sales/s, opening the page" if program else f"{rate:g} sales/s")
            with nullcontext() if program is None else open_screen(run, program) as screen:
                outcome = measure_rate(run, rate, sum(timing), doing, screen, repeat=repeat)
            yield outcome.as_dict() | {"repeat": repeat, "order": number}

    def _browser(self, settings: Settings) -> Path | None:
        with suppress(BrowserError):
            return find(settings.serve.browser)
        return None

    def _warm_up(self, run: Run, progress: Progress) -> None:
        """Sell without measuring."""
        seconds = QUICK_WARM_UP_S if self.quick else FIRST_WARM_UP_S
        load = Load(run, offered(run), rate=FIRST_WARM_UP_RATE, seconds=seconds)
        while not load.done:
            progress("warming up")
            clock.sleep(POLL_INTERVAL_S)
        load.result()


def _numbered(progress: Progress, number: int, total: int) -> Progress:
    """Return a progress that says which measurement of how many it is."""

    def numbered(doing: str, done: int = 0, of: int | None = None, /) -> None:
        progress(f"{number} of {total}: {doing}" if total > 1 else doing, done, of)

    return numbered


def measure_rate(  # noqa: PLR0913 - what a benchmark varies
    run: Run,
    rate: float,
    seconds: float,
    progress: Progress,
    screen: Screen | None = None,
    *,
    repeat: int = 1,
) -> Outcome:
    """Sell at one rate, then verify everything and measure every sale.

    With a screen, each sale is measured there too; its browser is ended when the load is. `repeat`
    tells several measurements of one rate apart.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    with Measurement.start(run, screen, name=f"{rate:g}-{repeat}") as measurement:
        return measure_load(measurement, offered(run), rate, seconds, progress)


def measure_load(
    measurement: Measurement, load_spec: LoadSpec, rate: float, seconds: float, progress: Progress
) -> Outcome:
    """Sell what the specification says, then verify everything and measure every sale.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    load = Load(measurement.run, load_spec, rate=rate, seconds=seconds)
    start_s = clock.monotonic()
    while not load.done:
        measurement.sampler.sample_if_due()
        progress(f"{rate:g} sales/s, seconds", int(clock.monotonic() - start_s), int(seconds))
        clock.sleep(POLL_INTERVAL_S)
    progress(f"{rate:g} sales/s, verifying")
    return measurement.finish(load.result())
