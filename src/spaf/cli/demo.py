"""`spaf demo`: everything, from nothing to a verdict."""

from __future__ import annotations

import signal
from typing import Annotated, Any

import typer

from spaf import clock, settings
from spaf.bench.load import start_page, stop_page
from spaf.bench.outcome import Measurement, Outcome
from spaf.bench.session import Session, running
from spaf.cli.live import LiveView
from spaf.cli.output import Json, duration, err, out, print_json, rate, table
from spaf.cli.progress import StartProgress
from spaf.cli.verify import print_verdict
from spaf.errors import StackError
from spaf.stack import process
from spaf.stack.plan import LOCUST
from spaf.stack.state import ServiceState

# Locust's page is up well within this, seconds.
PAGE_SECONDS = 30.0


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(demo)


def demo(
    per_second: Annotated[float, typer.Option("--rate", help="Sales a second.")] = 100.0,
    length: Annotated[
        str | None, typer.Option("--for", help="How long: 90, 60s, 5m. Without: until Ctrl-C.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Start everything, sell, watch it live, and end with a proof that every number is right."""
    wanted = rate(per_second)
    seconds = None if length is None else duration(length)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = StartProgress()
    with running(settings.load(), progress) as session:
        page = _locust(session)
        with Measurement.start(session) as measurement:
            start_page(page.address, wanted)
            start_seconds = _watch(session, measurement, progress, wanted, seconds, quiet=json)
            err.print("Sales have ended; recomputing every row from the topic ...")
            outcome = measurement.finish(stop_page(session, page.address))
    if json:
        print_json({"start_seconds": round(start_seconds, 2), **outcome.as_dict()})
    else:
        _print(outcome, start_seconds)
    if outcome.reasons:
        raise typer.Exit(1)


def _locust(session: Session) -> ServiceState:
    """Wait for Locust's page, which starts last."""
    found = session.state().services

    def ready() -> bool:
        found.update(session.state().services)
        return LOCUST in found and found[LOCUST].state == "running"

    if not process.wait_until(ready, PAGE_SECONDS):
        raise StackError("Locust's page did not start.", todo="See `spaf logs locust`.")
    return found[LOCUST]


def _watch(
    session: Session,
    measurement: Measurement,
    progress: StartProgress,
    wanted: float,
    seconds: float | None,
    *,
    quiet: bool,
) -> float:
    """Show the run until its time is over or Ctrl-C; return the seconds to the first row."""
    first_row: float | None = None
    began = clock.monotonic()
    with LiveView(session, measurement.watch.file, wanted, quiet=quiet) as view:
        try:
            while seconds is None or clock.monotonic() - began < seconds:
                view.refresh()
                if first_row is None and view.has_rows:
                    first_row = progress.seconds
                measurement.sampler.look_now_and_then()
                clock.sleep(view.pause(first_row is None))
        except KeyboardInterrupt:
            err.print()
    return progress.seconds if first_row is None else first_row


def _print(outcome: Outcome, start_seconds: float) -> None:
    out.print()
    print_verdict(outcome.verdict)
    out.print(f"first true row on screen after {start_seconds:.1f} s", highlight=False)
    store = outcome.measured.store()
    if outcome.reasons or store is None:
        out.print("[red]no latency is reported:[/] " + "; ".join(outcome.reasons or ["no sales"]))
    else:
        out.print(
            f"from sale to PostgreSQL, {store.count:,} sales (all but the first "
            f"{outcome.warm_up_s:.0f} s): p50 {store.p50:.1f} ms, p90 {store.p90:.1f} ms, "
            f"p99 {store.p99:.1f} ms, largest {store.max:.1f} ms",
            highlight=False,
        )
    _print_cost(outcome)


def _print_cost(outcome: Outcome) -> None:
    sampler = outcome.sampler
    rows: list[tuple[Any, ...]] = [
        (name, cost["rss_mib"], cost["cpu_percent"]) for name, cost in sampler.table().items()
    ]
    rows.append(("together", round(sampler.rss_mib(), 1), round(100 * sampler.cores(), 1)))
    out.print(table("", ("service", "memory MiB", "CPU % of a core"), rows))
