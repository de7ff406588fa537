"""`spaf load`: sales at a fixed rate for a fixed time."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from spaf import clock, settings
from spaf.bench.run.load import Load, offered
from spaf.cli.terminal.output import Json, duration, err, out, print_json, rate, table
from spaf.generate.locust.load_result import LoadResult
from spaf.stack.run import Run


def load(  # noqa: PLR0913 - one parameter an option
    per_second: Annotated[float, typer.Option("--rate", help="Sales a second.")] = 100.0,
    length: Annotated[str, typer.Option("--for", help="How long: 90, 60s, 5m, 1h.")] = "60s",
    seed: Annotated[int | None, typer.Option(help="Seed of catalogue and sales.")] = None,
    anomaly_rate: Annotated[
        float | None, typer.Option(help="Share of anomalous sales.", min=0, max=0.5)
    ] = None,
    episode_every: Annotated[
        float,
        typer.Option(help="Seconds between episodes on average; 0: none.", min=0, max=86_400),
    ] = 0.0,
    *,
    json: Json = False,
) -> None:
    """Send sales with headless Locust; exit code 0 only if every sale was acknowledged."""
    wanted, seconds = rate(per_second), duration(length)
    session = Run.attach(settings.load())
    what = offered(session, seed=seed, anomaly_rate=anomaly_rate, episode_every_s=episode_every)
    running = Load(session, what, rate=wanted, seconds=seconds)
    _wait(running, wanted, seconds)
    result = running.result()
    if json:
        print_json(as_dict(result))
    else:
        _print(result)
    if not result.valid:
        err.print("\n".join(result.reasons), style="red")
        raise typer.Exit(1)


def as_dict(result: LoadResult) -> dict[str, Any]:
    """Return the result for --json."""
    return {**msgspec.structs.asdict(result), "valid": result.valid, "reasons": result.reasons}


def _wait(running: Load, wanted: float, seconds: float) -> None:
    began = clock.monotonic()
    try:
        with err.status("") as line:
            while not running.done:
                gone = min(clock.monotonic() - began, seconds)
                line.update(f"{wanted:g} sales/s, {gone:.0f} of {seconds:.0f} s")
                clock.sleep(0.1)
    except KeyboardInterrupt:
        err.print("Ending early; waiting for the last acknowledgements.")
        running.stop()


def _print(result: LoadResult) -> None:
    delay = result.publish_delay_ms
    rows = [
        ("intended", result.intended),
        ("acknowledged", result.acked),
        ("failed", result.failed),
        ("achieved rate /s", result.achieved_rate),
        ("publish delay p50 ms", delay.p50),
        ("publish delay p99 ms", delay.p99),
        ("publish delay max ms", delay.max),
    ]
    shown = table("", ("sales", "value"), rows)
    shown.columns[1].justify = "right"
    out.print(shown)
