"""From each sale to the frame that painted it, at one rate."""

from __future__ import annotations

from pathlib import Path

from spaf.bench.page.access import open_screen
from spaf.bench.run.outcome import Outcome
from spaf.bench.run.rates import Tell, measure_rate
from spaf.stack.run import Run


def measure(session: Run, program: Path, rate: float, seconds: float, tell: Tell) -> Outcome:
    """Sell at one rate for so long with the page open in a browser.

    Raises:
        BrowserError: the browser ended, or the page did not report.
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    tell(f"{rate:g} sales/s, opening the page")
    with open_screen(session, program) as page:
        return measure_rate(session, rate, seconds, tell, page)
