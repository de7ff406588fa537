"""A browser that has the page open while `spaf up` runs, and what it showed."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from spaf import clock
from spaf.errors import BrowserError
from spaf.measure.browser import Browser, Tab, find
from spaf.stack.service_names import SERVE
from spaf.stack.state import RunFolder

LOOK_S = 0.2
# From the end of the command until the page shows that no sale has arrived, with time to spare.
AFTER_S = 30.0
# The name of each stage with its state, and what the page says of itself.
LOOK = """({
  live: document.body?.dataset.live ?? null,
  start: document.body?.dataset.start ?? null,
  stages: Object.fromEntries([...document.querySelectorAll(".start-stage")].map(
    (node) => [node.dataset.test.slice("start-".length), node.dataset.state])),
  loads: performance.getEntriesByType("navigation").length && performance.timeOrigin,
})"""


class StartPage(NamedTuple):
    """What the page showed, and how long after the run began it answered for the first time."""

    looks: list[dict[str, Any]]
    after_s: list[float]


@contextlib.contextmanager
def watched_start(home: Path, folder: Path) -> Iterator[StartPage]:
    """Watch the page of the run that is started in the block; without a browser see nothing."""
    seen = StartPage([], [])
    try:
        program = find(os.environ.get("SPAF_SERVE__BROWSER"))
    except BrowserError:
        yield seen
        return
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(program, home, folder, seen, ended))
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _watch(
    program: Path, home: Path, folder: Path, seen: StartPage, ended: threading.Event
) -> None:
    # The browser ends with the thread that has started it.
    with Browser(program, folder, folder / "browser.log") as browser:
        tab = _opened(browser, RunFolder(home), seen, ended)
        deadline = None
        while tab is not None:
            # The page may just be loading.
            with contextlib.suppress(BrowserError):
                seen.looks.append(tab.value(LOOK))
            if ended.is_set() and deadline is None:
                deadline = clock.monotonic() + AFTER_S
            complete = ended.is_set() and seen.looks[-1:] and seen.looks[-1]["live"] == "live"
            if complete and seen.looks[-1]["start"] == "idle":
                return
            if deadline is not None and clock.monotonic() > deadline:
                return
            clock.sleep(LOOK_S)


def _opened(
    browser: Browser, home: RunFolder, seen: StartPage, ended: threading.Event
) -> Tab | None:
    """Open the page as soon as it answers; None if it never does."""
    while not ended.is_set():
        state = home.read()
        page = None if state is None else state.services.get(SERVE)
        if state is not None and page is not None and page.pid is not None:
            with contextlib.suppress(BrowserError):
                tab = browser.open(page.address)
                seen.after_s.append(clock.now_us() / 1e6 - state.supervisor_started)
                return tab
        clock.sleep(LOOK_S)
    return None
