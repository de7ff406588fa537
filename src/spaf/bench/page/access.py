"""The live page of a run: its address, its restart, a browser that opens it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from spaf import clock
from spaf.bench.scenario import Scenario
from spaf.errors import StackError
from spaf.measure.browser import NO_SANDBOX, Browser, find, runs_as_root
from spaf.measure.screen import Screen
from spaf.settings import Settings
from spaf.stack import process
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE

# The page starts after the job, and no other service waits for it.
UP_TIMEOUT_S = 30.0


class BrowserScenario(Scenario, frozen=True):
    """A scenario that opens the page in headless Chromium."""

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check that there is a browser; return the notice of a missing sandbox.

        Raises:
            BrowserError: there is none.

        """
        find(settings.serve.browser)
        return (NO_SANDBOX,) if runs_as_root() else ()


def page_address(run: Run) -> str:
    """Return the address of the page, waiting until it is served.

    Raises:
        StackError: it is not, or it asks for a token.

    """
    if run.settings.serve.has_roles:
        raise StackError(
            "The page of this run has roles, and a measurement opens it without a token.",
            todo="Use a run without roles, or the option --no-screen.",
        )
    services = run.state().services

    def ready() -> bool:
        services.update(run.state().services)
        return SERVE in services and services[SERVE].state == "running"

    if not process.wait_until(ready, UP_TIMEOUT_S):
        raise StackError("The page is not served.", todo="See `spaf logs serve`.")
    return services[SERVE].address


def restart_page(run: Run) -> float:
    """End the process that serves the page; return the seconds until a new one serves it.

    Raises:
        StackError: no new process serves the page.

    """
    page_address(run)
    stopped = run.state().services[SERVE]
    identity = stopped.identity()
    start_s = clock.monotonic()
    if identity is not None:
        process.stop(identity, signal.SIGTERM, UP_TIMEOUT_S)

    def restarted() -> bool:
        serve = run.state().services[SERVE]
        return serve.pid != stopped.pid and serve.state == "running"

    if not process.wait_until(restarted, UP_TIMEOUT_S):
        raise StackError("The page was not started again.", todo="See `spaf logs serve`.")
    return clock.monotonic() - start_s


@contextlib.contextmanager
def open_screen(run: Run, program: Path) -> Iterator[Screen]:
    """Open the page in a browser that reports each frame, while the block runs.

    Raises:
        BrowserError: the browser does not start, or the page does not report.
        StackError: the page is not served.

    """
    log = run.home.logs / "browser.log"
    with Screen(program, page_address(run), run.home.runs, log) as screen:
        yield screen


@contextlib.contextmanager
def open_browser(run: Run, program: Path) -> Iterator[Browser]:
    """Run a browser while the block runs.

    Raises:
        BrowserError: it does not start.

    """
    with Browser(program, run.home.runs, run.home.logs / "browser.log") as browser:
        yield browser
