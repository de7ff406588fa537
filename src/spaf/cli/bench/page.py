"""`spaf bench page`: what the live page shows, how late, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from spaf import settings
from spaf.bench.page import goals, history, hour, screen, viewers, weight
from spaf.bench.page.goals import Goal
from spaf.bench.run.machine import machine
from spaf.bench.run.rates import Tell
from spaf.cli.terminal.output import Json, duration, err, out, print_json, rates_of, table
from spaf.cli.terminal.progress import StartProgress
from spaf.errors import SettingsError
from spaf.measure.browser import NO_SANDBOX, find, runs_as_root
from spaf.stack.run import Run, running

PARTS = ("screen", "viewers", "weight", "history", "hour")
# All but the one that takes as long as one lets it.
USUAL = "screen,viewers,weight,history"


@dataclass(frozen=True)
class Asked:
    """What the options say."""

    rates: list[float]
    seconds: float
    viewers: int
    rounds: int
    minutes: float
    program: Path


def page(  # noqa: PLR0913, PLR0917 - the options
    wanted: Annotated[
        str,
        typer.Option("--part", help=f"What to measure, of {', '.join(PARTS)}; with commas."),
    ] = USUAL,
    rates: Annotated[
        str, typer.Option("--rates", help="screen: sales a second, with commas.")
    ] = "100,1000",
    length: Annotated[
        str, typer.Option("--for", help="screen: how long at each rate; viewers: each stretch.")
    ] = "60s",
    viewers: Annotated[int, typer.Option(min=1, max=1_000, help="viewers: how many.")] = 100,
    rounds: Annotated[
        int, typer.Option(min=1, max=50, help="viewers: turns with and without; weight: loads.")
    ] = 5,
    minutes: Annotated[
        float, typer.Option(min=0.5, max=1_440, help="hour: how long the page is left open.")
    ] = 60.0,
    *,
    json: Json = False,
) -> None:
    """Open the live page in headless Chromium and measure it; tell which goals are met.

    screen: from each sale to its paint, frames a second. viewers: p99 to PostgreSQL with viewers
    and without. weight: first load and first number. history: 24 hours of seconds as a chart. hour:
    memory of the tab and of serve while the page stays open.
    """
    chosen = settings.load()
    parts = _parts(wanted)
    program = find(chosen.serve.browser)
    asked = Asked(rates_of(rates), duration(length), viewers, rounds, minutes, program)
    if runs_as_root():
        err.print(f"[dim]{NO_SANDBOX}[/]")
    found: dict[str, Any] = {}
    goal_list: list[Goal] = []
    live = [part for part in parts if part != "history"]
    if live:
        with running(chosen, StartProgress()) as session, err.status("") as line:
            for part in live:
                before = len(goal_list)
                found[part] = MEASURE[part](session, asked, line.update, goal_list)
                _tell(goal_list[before:])
    if "history" in parts:
        # Its rows are nobody's sales: they are loaded into a run of their own.
        alone = history.scenario(chosen)
        with running(alone, StartProgress()) as session, err.status("") as line:
            before = len(goal_list)
            found["history"] = _history(session, asked, line.update, goal_list)
            _tell(goal_list[before:])
    if json:
        print_json({"machine": machine(), **found, "goals": [goal.as_dict() for goal in goal_list]})
    else:
        _print(goal_list)
    if not all(_valid(part) for part in found.values()):
        raise typer.Exit(1)


def _screen(session: Run, asked: Asked, tell: Tell, results: list[Goal]) -> Any:
    found = []
    for rate in asked.rates:
        outcome = screen.measure(session, asked.program, rate, asked.seconds, tell)
        found.append(outcome.as_dict())
        results += goals.of_screen(found[-1])
    return found


def _viewers(session: Run, asked: Asked, tell: Tell, results: list[Goal]) -> Any:
    comparison = viewers.measure(
        session,
        rate=asked.rates[0],
        viewers=asked.viewers,
        rounds=asked.rounds,
        seconds=asked.seconds,
        tell=tell,
    )
    found = comparison.as_dict(asked.viewers)
    results += goals.of_viewers(found)
    return found


def _weight(session: Run, asked: Asked, tell: Tell, results: list[Goal]) -> Any:
    loaded = weight.measure(
        session, asked.program, rate=asked.rates[0], loads=asked.rounds, tell=tell
    )
    found = loaded.as_dict()
    results += goals.of_weight(found)
    return found


def _history(session: Run, asked: Asked, tell: Tell, results: list[Goal]) -> Any:
    found = history.measure(session, asked.program, looks=asked.rounds, tell=tell).as_dict()
    results += goals.of_history(found)
    return found


def _hour(session: Run, asked: Asked, tell: Tell, results: list[Goal]) -> Any:
    found = hour.measure(
        session, asked.program, rate=asked.rates[0], minutes=asked.minutes, tell=tell
    ).as_dict()
    results += goals.of_hour(found)
    return found


Measure = Callable[[Run, Asked, Tell, list[Goal]], Any]
MEASURE: dict[str, Measure] = {
    "screen": _screen,
    "viewers": _viewers,
    "weight": _weight,
    "hour": _hour,
}


def _parts(text: str) -> list[str]:
    found = [part.strip() for part in text.split(",")]
    unknown = [part for part in found if part not in PARTS]
    if unknown:
        raise SettingsError(f"--part: there is no {unknown[0]!r}.", todo=f"Of: {', '.join(PARTS)}")
    return found


def _valid(found: Any) -> bool:
    """Say whether a part's figures may be used; those without a verdict have none to fail."""
    runs = found if isinstance(found, list) else [found]
    return all(run.get("valid", True) for run in runs)


def _tell(results: list[Goal]) -> None:
    """Say what a part has found as soon as it is over: the next may take long."""
    for goal in results:
        mark = "[green]met[/]" if goal.met else "[red]not met[/]"
        err.print(f"{goal.name}: {goal.found} {goal.unit}, {mark}", highlight=False)


def _print(results: list[Goal]) -> None:
    rows = [(goal.as_dict()["goal"], goal.found, goal.unit, goal.met) for goal in results]
    out.print(table("", ("goal", "found", "", "met"), rows))
