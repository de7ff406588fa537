"""What `spaf demo` does once everything is up: sell, watch, verify and print.

It is imported while the services start: it imports half of what the command needs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from spaf import clock
from spaf.bench.page.access import open_screen
from spaf.bench.run.load import stop_page
from spaf.bench.run.outcome import Measurement, Outcome
from spaf.bench.run.quarantine import Explained, explained
from spaf.cli.terminal.live_view import LiveView
from spaf.cli.terminal.output import counted, err, out, print_json, print_parts, table
from spaf.cli.verify import print_verdict
from spaf.errors import StackError
from spaf.generate.locust.client import LocustClient
from spaf.measure.browser import NO_SANDBOX, runs_as_root
from spaf.measure.screen import Screen
from spaf.measure.visibility import VisibilityWatch
from spaf.stack import process
from spaf.stack.run import Run
from spaf.stack.service_names import LOCUST, SERVE
from spaf.stack.state import ServiceState

# Several times what Locust's page takes to start.
PAGE_TIMEOUT_S = 30.0
# Interval of the dashboard; shorter until the first row, whose time is a figure of the result.
REFRESH_S = 0.25
FIRST_ROW_REFRESH_S = 0.05
# Names of the places where sales become visible.
PLACES = {"store": "PostgreSQL", "screen": "the screen"}


class DemoOptions(NamedTuple):
    """The options of the command."""

    rate: float
    # None: until Ctrl-C.
    seconds: float | None
    # The browser to open the page in, if any.
    browser: Path | None
    json: bool


class DemoResult(NamedTuple):
    """What a demo has found out; `first_row` is the time of the monotonic clock."""

    outcome: Outcome
    quarantine: Explained
    first_row: float | None


def sell(
    run: Run, watch: VisibilityWatch, options: DemoOptions, begun: Callable[[], None]
) -> DemoResult:
    """Sell and watch until the end, then verify.

    Args:
        run: the run that is up.
        watch: the process that stamps visible rows, not listening yet.
        options: of the command.
        begun: is called before the first sale.

    Raises:
        SpafError: the run cannot be measured or verified.

    """
    with (
        _screen(run, options.browser) as screen,
        Measurement.start(run, screen, watch) as measurement,
    ):
        begun()
        address = run.state().services[SERVE].address
        err.print(f"\nThe page: [bold]{address}[/]\n", highlight=False)
        page = _locust(run)
        with LocustClient(page.address) as locust:
            locust.start(options.rate)
        view = LiveView(run, measurement.watch.file, options.rate, quiet=options.json)
        first_row = _watch(view, measurement, options.seconds)
        err.print("Sales have ended; recomputing every sum from the topic (some seconds) ...")
        outcome = measurement.finish(stop_page(run, page.address))
        return DemoResult(outcome, explained(run), first_row)


def print_result(result: DemoResult, began: float, *, json: bool) -> None:
    """Print the result of a demo that began at this time of the monotonic clock.

    Raises:
        typer.Exit: the result is not valid.

    """
    outcome, quarantine, first_row = result
    start_seconds = None if first_row is None else round(first_row - began, 2)
    if json:
        print_json(
            {
                "start_seconds": start_seconds,
                **outcome.as_dict(),
                "quarantine": quarantine.as_dict(),
            }
        )
    else:
        _print(outcome, quarantine, start_seconds)
    if outcome.reasons:
        raise typer.Exit(1)


@contextlib.contextmanager
def _screen(run: Run, program: Path | None) -> Iterator[Screen | None]:
    """Open the page in a browser for the block; without a program, yield None."""
    if program is None:
        yield None
        return
    if runs_as_root():
        err.print(f"[dim]{NO_SANDBOX}[/]")
    with open_screen(run, program) as screen:
        yield screen


def _locust(run: Run) -> ServiceState:
    """Wait until Locust's page is running."""
    services = run.state().services

    def ready() -> bool:
        services.update(run.state().services)
        return LOCUST in services and services[LOCUST].state in ("running", "external")

    if not process.wait_until(ready, PAGE_TIMEOUT_S):
        raise StackError("Locust's page did not start.", todo="See `spaf logs locust`.")
    return services[LOCUST]


def _watch(view: LiveView, measurement: Measurement, seconds: float | None) -> float | None:
    """Show the run for `seconds` or until Ctrl-C; return the time of the first row."""
    first_row: float | None = None
    began = clock.monotonic()
    with view:
        try:
            while seconds is None or clock.monotonic() - began < seconds:
                view.refresh()
                if first_row is None and view.has_rows:
                    first_row = clock.monotonic()
                measurement.sampler.sample_if_due()
                clock.sleep(FIRST_ROW_REFRESH_S if first_row is None else REFRESH_S)
        except KeyboardInterrupt:
            err.print()
    return first_row


def _print(outcome: Outcome, quarantine: Explained, start_seconds: float | None) -> None:
    out.print()
    print_verdict(outcome.verdict)
    if quarantine.line():
        print_parts(quarantine.line().split())
    if start_seconds is not None:
        out.print(f"first true row on screen after {start_seconds:.1f} s", highlight=False)
    _print_latency(outcome)
    _print_cost(outcome)


def _print_latency(outcome: Outcome) -> None:
    latencies = outcome.latencies()
    if not latencies["store"]:
        out.print("[red]no latency is reported:[/] " + "; ".join(outcome.reasons or ["no sales"]))
        return
    for place, latency in latencies.items():
        if latency:
            print_parts(
                [
                    f"from sale to {PLACES[place]},",
                    f"{counted(latency.count, 'sale')}",
                    f"(all but the first {outcome.warm_up_s:.0f} s):",
                    f"p50 {latency.p50:.1f} ms,",
                    f"p90 {latency.p90:.1f} ms,",
                    f"p99 {latency.p99:.1f} ms,",
                    f"largest {latency.max:.1f} ms",
                ]
            )
    if outcome.painted:
        cost = outcome.painted.cost
        frames = cost.frames_per_second.median
        print_parts(
            [
                f"the page in {cost.browser}:",
                f"{frames or 0:.0f} frames/s,",
                f"its scripts {cost.heap_mib:.1f} MiB,",
                f"its tab {cost.tab_mib:.0f} MiB",
            ]
        )


def _print_cost(outcome: Outcome) -> None:
    sampler = outcome.sampler
    rows: list[tuple[Any, ...]] = [
        (name, cost["rss_mib"], cost["cpu_percent"]) for name, cost in sampler.table().items()
    ]
    rows.append(("together", round(sampler.rss_mib(), 1), round(100 * sampler.cores(), 1)))
    out.print(table("", ("service", "memory MiB", "CPU % of a core"), rows))
