"""Latency, exactness and cost at several rates, one after the other on one stack."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar

from spaf import clock
from spaf.bench.page.access import open_screen
from spaf.bench.progress import Progress, Step
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import WARM_UP_S, Measurement, Outcome
from spaf.bench.run.rates_result import RatesResult, failed
from spaf.bench.scenario import Rates, Scenario, Seconds, option
from spaf.errors import BrowserError, SpafError
from spaf.generate.locust.command import LoadSpec
from spaf.measure.browser import NO_SANDBOX, find, runs_as_root
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


def _listed(rates: Rates) -> str:
    return ",".join(f"{rate:g}" for rate in rates)


class RatesScenario(Scenario, frozen=True):
    """Sell at each rate in turn; verify all; latency of every sale, memory and processor time.

    The rates are measured several times, in an order that is shuffled anew for each repeat, so that
    what changes with time affects all of them. Where there is a Chromium, the page is open in it,
    and every sale is followed to its paint. A rate that does not hold is a row with its reason. The
    first minute of a run is `spaf bench first-minute`. --quick takes less than three minutes.
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
            doing = _numbered(progress, Step(number, len(order), rate))
            doing(f"{rate:g} sales/s, opening the page" if program else f"{rate:g} sales/s")
            try:
                with nullcontext() if program is None else open_screen(run, program) as screen:
                    outcome = measure_rate(run, rate, sum(timing), doing, screen, repeat=repeat)
                measured = outcome.as_dict()
            except SpafError as error:
                measured = failed(rate, error.line)
            yield measured | {"repeat": repeat, "order": number}

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


def _numbered(progress: Progress, which: Step) -> Progress:
    """Return a progress that says which measurement of how many it is."""
    first = f"{which.number} of {which.of}: " if which.of > 1 else ""

    def numbered(
        doing: str, done: int = 0, total: int | None = None, /, *, step: Step | None = None
    ) -> None:
        progress(f"{first}{doing}", done, total, step=step or which)

    return numbered


def measure_rate(  # noqa: PLR0913 - what a benchmark varies
    run: Run,
    rate: float,
    seconds: float,
    progress: Progress,
    screen: Screen | None = None,
    *,
    repeat: int = 1,
    warm_up_s: float = WARM_UP_S,
) -> Outcome:
    """Sell at one rate, then verify everything and measure every sale.

    With a screen, each sale is measured there too; its browser is ended when the load is. `repeat`
    distinguishes several measurements of one rate. Latency begins after `warm_up_s`.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    name = f"{rate:g}-{repeat}"
    with Measurement.start(run, screen, name=name, warm_up_s=warm_up_s) as measurement:
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
