"""The first minute of a new run, from the first sale on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Annotated, Any, ClassVar

from spaf.bench.page.access import open_screen
from spaf.bench.progress import Progress
from spaf.bench.results.recording import following
from spaf.bench.run.alone import require_no_run
from spaf.bench.run.rates import measure_rate
from spaf.bench.run.rates_result import RatesResult, failed
from spaf.bench.scenario import RATE_OPTION, Scenario, Seconds, option
from spaf.errors import SpafError
from spaf.measure.browser import find
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.run import running

RATE = 100.0
REPEATS = 3


class FirstMinuteScenario(Scenario, frozen=True):
    """Start a new run, and measure every sale of its first minute, the first sale included.

    The JVMs have compiled nothing, caches and tables are empty: what somebody sees who has just
    typed `spaf up`. Each repeat has a run folder of its own, which is deleted. All other
    measurements leave out the first seconds.
    """

    judges_intervals: ClassVar[bool] = True

    rate: Annotated[float, RATE_OPTION] = RATE
    seconds: Annotated[Seconds, option("How long to sell.", flag="--for")] = Seconds(60)
    repeats: Annotated[int, option("New runs.", ge=1, le=20)] = REPEATS
    screen: Annotated[
        bool,
        option("Whether the page is open in headless Chromium.", flag="--screen/--no-screen"),
    ] = False

    def settings(self, settings: Settings) -> Settings:
        """Return the settings with a run folder of our own."""
        return settings.model_copy(update={"home": settings.home / "first-minute"})

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check that no run is up, and that there is a browser if one is needed.

        Raises:
            StackError: a run is up.
            BrowserError: there is no browser.

        """
        require_no_run(settings, self.settings(settings))
        if self.screen:
            find(settings.serve.browser)
        return ()

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> RatesResult:
        """Measure new runs, one after another."""
        chosen = self.settings(settings)
        outcomes: list[dict[str, Any]] = []
        interrupted = False
        try:
            for repeat in range(1, self.repeats + 1):
                control.down(chosen, wipe=True)
                try:
                    measured = self._minute(chosen, repeat, watch, progress)
                except SpafError as error:
                    measured = failed(self.rate, error.line)
                outcomes.append(measured | {"repeat": repeat, "order": repeat})
        except KeyboardInterrupt:
            if not outcomes:
                raise
            interrupted = True
        finally:
            control.down(chosen, wipe=True)
        return RatesResult.of(self.seconds, outcomes, interrupted=interrupted)

    def _minute(
        self, chosen: Settings, repeat: int, watch: Watcher, progress: Progress
    ) -> dict[str, Any]:
        program = find(chosen.serve.browser) if self.screen else None
        with (
            running(chosen, watch) as run,
            following(run),
            nullcontext() if program is None else open_screen(run, program) as screen,
        ):
            outcome = measure_rate(
                run, self.rate, self.seconds, progress, screen, repeat=repeat, warm_up_s=0.0
            )
        return outcome.as_dict()
