"""Latency from each sale to the frame that painted it, at several rates."""

from __future__ import annotations

from typing import Annotated, Any

from spaf.bench.page import goals
from spaf.bench.page.access import BrowserScenario, open_screen
from spaf.bench.page.goals import GoalsResult
from spaf.bench.progress import Progress
from spaf.bench.run.rates import measure_rate
from spaf.bench.scenario import Rates, Seconds, option
from spaf.measure.browser import find
from spaf.stack.run import Run


class ScreenResult(GoalsResult, frozen=True, kw_only=True):
    """The outcome at each rate, as `Outcome.as_dict` has it."""

    screen: list[dict[str, Any]]

    @property
    def passed(self) -> bool:
        """Whether the figures at every rate are valid."""
        return all(outcome["valid"] for outcome in self.screen)

    def failure(self) -> str:
        """Return why figures are not valid."""
        return "; ".join(reason for outcome in self.screen for reason in outcome["reasons"])


class ScreenScenario(BrowserScenario, frozen=True):
    """Sell with the page open in headless Chromium; latency from each sale to its paint.

    Frames a second, memory and processor time of the page are measured, too.
    """

    rates: Annotated[Rates, option("Sales a second, with commas between.")] = (100, 1_000)
    seconds: Annotated[Seconds, option("How long at each rate.", flag="--for")] = Seconds(60)

    def measure_run(self, run: Run, progress: Progress) -> ScreenResult:
        """Measure each rate with a new browser.

        Raises:
            BrowserError: the browser ended, or the page did not report.
            LoadError: a load left no result.
            SpafError: the run could not be verified.

        """
        program = find(run.settings.serve.browser)
        outcomes = []
        for rate in self.rates:
            progress(f"{rate:g} sales/s, opening the page")
            with open_screen(run, program) as screen:
                outcomes.append(measure_rate(run, rate, self.seconds, progress, screen).as_dict())
        return ScreenResult(
            screen=outcomes,
            goals=[goal for outcome in outcomes for goal in goals.of_screen(outcome)],
        )
