"""`spaf bench detection`: how good the anomaly rules are."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from spaf import settings
from spaf.bench.detection.labelled import KINDS, Scores, run, run_clean
from spaf.bench.detection.live import LiveDetectionLoad, measure
from spaf.bench.detection.simulate import SimulatedTraffic
from spaf.cli.terminal.output import Json, duration, err, out, print_json, rate, table
from spaf.cli.terminal.progress import StartProgress
from spaf.errors import SettingsError
from spaf.settings import Settings
from spaf.stack.run import running

# More seeds than this make a log that fills a small disk.
MOST_SEEDS = 200


def detection(  # noqa: PLR0913 - one parameter an option
    seeds: Annotated[
        str, typer.Option(help="Seeds that are scored, as 101-120 or 7; 1-20 chose the thresholds.")
    ] = "101-120",
    per_second: Annotated[float, typer.Option("--rate", help="Sales a second.")] = 100.0,
    length: Annotated[
        str,
        typer.Option(
            "--for", help="Simulated time of each seed, its first minute dropped; or of --live."
        ),
    ] = "10m",
    anomaly_rate: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of anomalous sales.")
    ] = 0.002,
    episode_every: Annotated[
        float, typer.Option(min=1, max=86_400, help="Seconds between two episodes on average.")
    ] = 30.0,
    *,
    clean: Annotated[
        bool, typer.Option("--clean", help="No anomalies: count false alerts over --hours.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Run the whole stack and measure how soon it knows.")
    ] = False,
    hours: Annotated[float, typer.Option(min=0.1, max=168, help="Hours of --clean.")] = 24.0,
    json: Json = False,
) -> None:
    """Score the job's anomaly rules on simulated sales with known anomalies; needs no stack.

    The job's own SQL runs over the generator's sales in batch. Beside it: `random`, as many alerts
    anywhere, and `always`, every alert there is.
    """
    chosen, wanted = settings.load(), rate(per_second)
    numbers, seconds = _seeds(seeds), duration(length)
    if live:
        _live(chosen, LiveDetectionLoad(wanted, seconds, anomaly_rate, episode_every), json=json)
        return
    with err.status("") as line:
        if clean:
            found = {"ours": run_clean(chosen, wanted, hours, numbers[0], line.update)}
        else:
            traffics = [
                SimulatedTraffic(wanted, int(seconds), seed, anomaly_rate, episode_every)
                for seed in numbers
            ]
            found = run(chosen, traffics, line.update)
    if json:
        record = found["ours"].as_dict()
        others = {name: one.as_dict() for name, one in found.items() if name != "ours"}
        print_json({"rate": wanted, "seeds": seeds, **record, **others})
    else:
        _print(found)


def _live(chosen: Settings, wish: LiveDetectionLoad, *, json: bool) -> None:
    with running(chosen, StartProgress()) as session, err.status("") as line:
        record = measure(session, wish, line.update).as_dict()
    if json:
        print_json(record)
    else:
        sales = record["sales"]
        kinds = [("labelled sale, after due", sales["labelled"], sales["after_due_ms"])]
        kinds += [("labelled sale, after visible", sales["labelled"], sales["after_visible_ms"])]
        kinds += [
            (f"{kind}, after its start", one["labelled"], one["after_start_ms"])
            for kind, one in record["episodes"].items()
        ]
        rows = [
            (name, labelled, *map((found or {}).get, ("count", "p50", "p99", "max")))
            for name, labelled, found in kinds
        ]
        columns = ("known", "labelled", "found", "p50 ms", "p99 ms", "max ms")
        out.print(table("", columns, rows))
    if not record["valid"]:
        err.print("; ".join(record["reasons"]), style="red")
        raise typer.Exit(1)


def _seeds(text: str) -> list[int]:
    """Return the seeds that a text such as 101-120 means.

    Raises:
        SettingsError: it means none, or too many.

    """
    found = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", text.strip())
    numbers = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
    if not 1 <= len(numbers) <= MOST_SEEDS:
        raise SettingsError(
            f"--seeds {text}: not one to {MOST_SEEDS} seeds.", todo="For example --seeds 101-120"
        )
    return list(numbers)


def _print(found: dict[str, Scores]) -> None:
    columns = ("kind", "precision", "recall", "F1", "delay p50 ms", "p99", "labelled", "alerts")
    for name, scores in found.items():
        record = scores.as_dict()
        kinds = [(kind, record["kinds"][kind]) for kind in KINDS if kind in record["kinds"]]
        rows = [(kind, *map(one.get, _FIELDS)) for kind, one in kinds]
        if rows:
            out.print(table(name, columns, list(map(_shown, rows))))
        told = ", ".join(f"{kind} {n:,}" for kind, n in record["false_alerts"].items())
        hours = record["clean_hours"]
        out.print(f"{name}: false alerts in {hours:.1f} h of clean sales: {told}", highlight=False)


_FIELDS = ("precision", "recall", "f1", "delay_ms_p50", "delay_ms_p99", "labelled", "alerts")


def _shown(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the shares with the digits that they are worth."""
    return tuple(f"{cell:.3f}" if isinstance(cell, float) and cell <= 1 else cell for cell in row)
