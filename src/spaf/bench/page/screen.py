"""Latency from each sale to the frame that painted it, at several rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from spaf.bench.page.access import BrowserScenario, open_screen
from spaf.bench.page.goals import Goal, goals_table, of_screen
from spaf.bench.progress import Progress
from spaf.bench.run.rates import measure_rate
from spaf.bench.run.rates_result import RatesResult
from spaf.bench.scenario import Rates, Seconds, Table, option
from spaf.measure.browser import find
from spaf.stack.run import Run


class ScreenResult(RatesResult, frozen=True):
    """The outcome at each rate, and the goals of the rates that have some."""

    goals: list[Goal]

    def tables(self) -> Iterable[Table]:
        """Return a row a goal, and the steps of a sale at each rate."""
        return [goals_table(self.goals), self.hops()]


class ScreenScenario(BrowserScenario, frozen=True):
    """Sell with the page open in headless Chromium; latency from each sale to its paint.

    Frames a second, memory and processor time of the page are measured, too.
    """

    judges_intervals: ClassVar[bool] = True

    rates: Annotated[Rates, option("Sales a second, with commas between.")] = (100, 1_000)
    seconds: Annotated[Seconds, option("How long at each rate.", flag="--for")] = Seconds(60)

    def measure_run(self, run: Run, progress: Progress) -> ScreenResult:
        """Measure each rate with a new browser."""
        program = find(run.settings.serve.browser)
        outcomes = []
        for rate in self.rates:
            progress(f"{rate:g} sales/s, opening the page")
            with open_screen(run, program) as screen:
                outcomes.append(measure_rate(run, rate, self.seconds, progress, screen).as_dict())
        goals = [goal for outcome in outcomes for goal in of_screen(outcome)]
        return ScreenResult.of(self.seconds, outcomes, goals=goals)
