"""`spaf load`: sales at a fixed rate for a fixed time."""

from __future__ import annotations

import contextlib
from typing import Annotated

import msgspec
import typer

from spaf import clock, settings
from spaf.bench.run.load import Load, offered
from spaf.cli.terminal.output import Json, duration, err, out, print_json, printable, rate, table
from spaf.errors import LoadError, NotUpError
from spaf.generate.locust.load_result import LoadResult
from spaf.measure.resources import Sampler
from spaf.stack.run import Run

POLL_INTERVAL_S = 0.2


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
    run = Run.attach(settings.load())
    require_broker(run)
    spec = offered(run, seed=seed, anomaly_rate=anomaly_rate, episode_every_s=episode_every)
    sampler = Sampler(run.home)
    sampler.sample()
    running = Load(run, spec, rate=wanted, seconds=seconds)
    result = _wait(run, running, wanted, seconds)
    sampler.sample()
    use = sampler.core_use(result)
    if json:
        fields = msgspec.to_builtins(result) | {"cores": msgspec.to_builtins(use)}
        print_json({**fields, "valid": result.valid, "reasons": result.reasons})
    else:
        _print(result)
        out.print(use.sentence)
    if not result.valid:
        err.print("\n".join(result.reasons), style="red")
        raise typer.Exit(1)


def require_broker(run: Run) -> None:
    """Check that sales can be sent.

    Raises:
        LoadError: they cannot, and that stays so until a person does something.
        NotUpError: the run has ended.

    """
    cause = run.lasting_trouble()
    if cause is not None and cause.stage == "kafka":
        raise LoadError(f"No sale can be sent: {cause.what}", todo=cause.todo)


def _wait(run: Run, running: Load, wanted: float, seconds: float) -> LoadResult:
    """Wait for the result; Ctrl-C ends the sales early.

    Raises:
        KeyboardInterrupt: Ctrl-C came before the first sale, so there is no result.
        LoadError: the load ended without a result.

    """
    try:
        _show(run, running, wanted, seconds)
    except KeyboardInterrupt:
        err.print("Ending early; waiting for the last acknowledgements.")
        running.stop()
        try:
            return running.result()
        except LoadError:
            raise KeyboardInterrupt from None
    return running.result()


def _show(run: Run, running: Load, wanted: float, seconds: float) -> None:
    """Show the progress; print each cause for which sales do not reach the tables once."""
    began = clock.monotonic()
    printed: set[str] = set()
    with err.status("") as line:
        while not running.done:
            passed = min(clock.monotonic() - began, seconds)
            line.update(f"{wanted:g} sales/s, {passed:.0f} of {seconds:.0f} s")
            with contextlib.suppress(NotUpError):
                cause = run.trouble()
                if cause is not None and cause.code not in printed:
                    printed.add(cause.code)
                    text = f"Sales do not reach the tables: {cause.line}"
                    err.print(printable(text), style="yellow", markup=False, highlight=False)
            clock.sleep(POLL_INTERVAL_S)


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
    figures = table("", ("sales", "value"), rows)
    figures.columns[1].justify = "right"
    out.print(figures)
