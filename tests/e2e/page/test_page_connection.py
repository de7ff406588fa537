"""The page is honest about its connection: stale within 2 s, right again without a reload."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from spaf import clock
from spaf.bench.run.load import Load
from spaf.stack.run import Run

# The page may be silent for so long before it says so, seconds; half a second is for us to see it.
STALE_S = 2.0 + 0.5
# Flink may stand still for a moment without being stuck: naming it takes some seconds.
CULPRIT_S = 12.0
# A page that was killed is back within this time on a busy machine, seconds.
BACK_S = 60.0


@contextlib.contextmanager
def paused(session: Run, name: str) -> Iterator[None]:
    """Hold a service still for a block, by its recorded process."""
    pid = session.state().services[name].pid
    assert pid is not None
    process = psutil.Process(pid)
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_a_silent_server_is_said_within_two_seconds(
    run: Run, tab: Any, load: Callable[[float], Load]
) -> None:
    """Numbers stay, nothing is blank, and the banner goes away when word comes again."""
    load(20)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    before = tab.number("accepted")
    tab.gone("stale")
    with paused(run, "serve"):
        began = clock.monotonic()
        tab.seen("stale", seconds=10)
        waited = clock.monotonic() - began
        assert tab.number("accepted") >= before
        for scheme in ("light", "dark"):
            tab.page.emulate_media(color_scheme=scheme)
            assert tab.faults() == []
    assert waited <= STALE_S
    tab.gone("stale")


@pytest.mark.timeout(180)
def test_after_a_reconnect_everything_is_right_without_a_reload(
    run: Run, tab: Any, load: Callable[[float], Load], pause: Callable[[], None]
) -> None:
    """The server dies under load and comes back as another process; the page catches up.

    It may be back before the data are old enough for a banner.
    """
    tab.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "Failed to load resource"]
    tab.page.evaluate("window.spafSame = true")
    headless = load(20)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    died = run.state().services["serve"]
    assert died.pid is not None
    psutil.Process(died.pid).send_signal(signal.SIGKILL)
    assert tab.until(lambda: run.state().services["serve"].restarts == died.restarts + 1, BACK_S)
    tab.gone("stale", seconds=BACK_S)
    headless.stop()
    headless.result()
    pause()
    produced = sum(run.end_offsets().values())
    assert tab.until(lambda: tab.number("produced") == produced), tab.text("produced")
    assert tab.until(
        lambda: tab.number("accepted") + tab.number("late") + tab.number("rejected") == produced
    )
    assert tab.number("unaccounted") == 0
    assert tab.page.evaluate("window.spafSame") is True


def test_a_page_that_was_away_reads_its_state_anew(tab: Any, load: Callable[[float], Load]) -> None:
    """After a lost network and after a sleep, at once: it does not wait for the dead connection."""
    tab.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED", "Failed to load resource"]
    load(20)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    before = tab.number("accepted")
    # Without the id of the last event: not the rest of the events, but the whole state.
    with tab.page.expect_request(lambda request: request.url.endswith("/api/stream")):
        tab.context.set_offline(True)
        tab.context.set_offline(False)
    with tab.page.expect_request(lambda request: request.url.endswith("/api/stream")):
        # While a machine sleeps, its clock goes on and the timer of a page may stand still.
        tab.page.evaluate("{ const now = Date.now; Date.now = () => now() + 3_600_000; }")
    tab.live()
    assert tab.until(lambda: tab.number("accepted") > before)


@pytest.mark.timeout(180)
def test_a_stage_that_stands_still_is_named(
    run: Run, tab: Any, load: Callable[[float], Load], pause: Callable[[], None]
) -> None:
    """Flink's TaskManager is held still under load: the banner names Flink, not the page."""
    load(50)
    assert tab.until(lambda: tab.number("sales-per-second") > 0)
    with paused(run, "taskmanager"):
        tab.seen("stale", seconds=CULPRIT_S)
        named = tab.until(lambda: "flink" in tab.text("stale").lower(), CULPRIT_S)
        said = tab.text("stale")
    assert named, said
    tab.gone("stale", seconds=BACK_S)
    pause()
