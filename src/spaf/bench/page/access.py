"""The live page of a run, as the benches use it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from spaf import clock
from spaf.errors import StackError
from spaf.measure.browser import Browser
from spaf.measure.screen import Screen
from spaf.stack import process
from spaf.stack.run import Run
from spaf.stack.service_names import SERVE

# It starts after the job, and nothing waits for it; seconds.
UP_SECONDS = 30.0


def page_address(session: Run) -> str:
    """Return where the page is, waiting until it is served.

    Raises:
        StackError: it is not.

    """
    found = session.state().services

    def ready() -> bool:
        found.update(session.state().services)
        return SERVE in found and found[SERVE].state == "running"

    if not process.wait_until(ready, UP_SECONDS):
        raise StackError("The page is not served.", todo="See `spaf logs serve`.")
    return found[SERVE].address


def restart_page(session: Run) -> float:
    """Have the page served by a new process; return how long it took to be there, seconds.

    Raises:
        StackError: it does not come back.

    """
    page_address(session)
    before = session.state().services[SERVE]
    identity = before.identity()
    began = clock.monotonic()
    if identity is not None:
        process.stop(identity, signal.SIGTERM, UP_SECONDS)

    def back() -> bool:
        now = session.state().services[SERVE]
        return now.pid != before.pid and now.state == "running"

    if not process.wait_until(back, UP_SECONDS):
        raise StackError("The page does not come back.", todo="See `spaf logs serve`.")
    return clock.monotonic() - began


@contextlib.contextmanager
def open_screen(session: Run, program: Path) -> Iterator[Screen]:
    """Have the page open in a browser for a block, reporting each frame.

    Raises:
        BrowserError: the browser does not start, or the page does not report.
        StackError: the page is not served.

    """
    log = session.home.logs / "browser.log"
    with Screen(program, page_address(session), session.home.runs, log) as one:
        yield one


@contextlib.contextmanager
def open_browser(session: Run, program: Path) -> Iterator[Browser]:
    """Have a browser for a block.

    Raises:
        BrowserError: it does not start.

    """
    with Browser(program, session.home.runs, session.home.logs / "browser.log") as one:
        yield one
