"""The live page of a run, as the benches use it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from spaf.bench.session import Session
from spaf.errors import StackError
from spaf.measure.browser import Browser
from spaf.measure.screen import Screen
from spaf.stack.names import SERVE
from spaf.stack.process import wait_until

# It starts after the job, and nothing waits for it; seconds.
UP_SECONDS = 30.0


def page_address(session: Session) -> str:
    """Return where the page is, waiting until it is served.

    Raises:
        StackError: it is not.

    """
    found = session.state().services

    def ready() -> bool:
        found.update(session.state().services)
        return SERVE in found and found[SERVE].state == "running"

    if not wait_until(ready, UP_SECONDS):
        raise StackError("The page is not served.", todo="See `spaf logs serve`.")
    return found[SERVE].address


@contextlib.contextmanager
def open_screen(session: Session, program: Path) -> Iterator[Screen]:
    """Have the page open in a browser for a block, reporting each frame.

    Raises:
        BrowserError: the browser does not start, or the page does not report.
        StackError: the page is not served.

    """
    log = session.home.logs / "browser.log"
    with Screen(program, page_address(session), session.home.runs, log) as one:
        yield one


@contextlib.contextmanager
def open_browser(session: Session, program: Path) -> Iterator[Browser]:
    """Have a browser for a block.

    Raises:
        BrowserError: it does not start.

    """
    with Browser(program, session.home.runs, session.home.logs / "browser.log") as one:
        yield one
