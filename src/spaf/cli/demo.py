"""`spaf demo`: start everything, sell, and verify."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Annotated, Any

import typer

from spaf import settings
from spaf.cli.terminal.output import Json, duration, err, rate
from spaf.cli.terminal.progress import StartProgress
from spaf.measure.browser import find
from spaf.measure.visibility import VisibilityWatch, watch_file
from spaf.stack.run import running
from spaf.stack.state import RunFolder, RunState

SESSION = "spaf.cli.demo_session"


def demo(
    per_second: Annotated[float, typer.Option("--rate", help="Sales a second.")] = 100.0,
    length: Annotated[
        str | None, typer.Option("--for", help="How long: 90, 60s, 5m. Without: until Ctrl-C.")
    ] = None,
    *,
    on_screen: Annotated[
        bool,
        typer.Option(
            "--screen", help="Open the page in headless Chromium; measure each sale there too."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Start everything, sell, watch it live, and end with every sum recomputed from the topic."""
    wanted = rate(per_second)
    seconds = None if length is None else duration(length)
    chosen = settings.load()
    # Before the start, because without a browser the command fails.
    browser = find(chosen.serve.browser) if on_screen else None
    _on_interrupt(_end_start)
    progress = StartProgress()

    def show(state: RunState) -> None:
        import_module(SESSION)
        progress(state)

    with (
        # Before the services, so that it has nothing left to import when they are up.
        VisibilityWatch(watch_file(RunFolder(chosen.home))) as watch,
        running(chosen, show) as run,
    ):
        from spaf.cli import demo_session  # noqa: PLC0415 - imported by `show`

        options = demo_session.DemoOptions(wanted, seconds, browser, json)
        begun = partial(_on_interrupt, signal.default_int_handler)
        result = demo_session.sell(run, watch, options, begun)
    demo_session.print_result(result, progress.began, json=json)


def _on_interrupt(handler: Callable[[int, FrameType | None], Any]) -> None:
    """Let both signals end the sales; a shell lets its background processes ignore SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _end_start(number: int, frame: FrameType | None) -> None:
    """Say at once that the signal was heard: to stop the services takes some seconds."""
    err.print("Stopping what was started ...")
    signal.default_int_handler(number, frame)
