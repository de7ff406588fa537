"""`spaf bench verify`: how long a verification takes."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.bench.drain import fill
from spaf.bench.machine import machine
from spaf.bench.session import running
from spaf.bench.verify_speed import EVENT_BYTES, STAGES, Speed, measure, scenario
from spaf.cli.output import Json, err, out, print_json, table
from spaf.cli.progress import StartProgress
from spaf.stack.control import LEAST_FREE_MIB, require_space
from spaf.stack.state import Home


def verify(
    events: Annotated[int, typer.Option(min=1_000, help="Events in the topic.")] = 1_000_000,
    *,
    json: Json = False,
) -> None:
    """Fill a topic, then time each stage of a verification of it; the job does not run."""
    chosen = scenario(settings.load())
    require_space(Home(chosen.home), LEAST_FREE_MIB + events * EVENT_BYTES // 2**20)
    with running(chosen, StartProgress(), bare=True) as session, err.status("") as line:
        fill(session, events, line.update)
        found = measure(session, line.update)
    if json:
        print_json({"machine": machine(), **found.as_dict()})
    else:
        _print(found)
    if not found.exact:
        raise typer.Exit(1)


def _print(found: Speed) -> None:
    rows = [(stage, getattr(found, stage)) for stage in STAGES]
    out.print(table("", ("stage", "seconds"), [*rows, ("together", found.seconds)]))
    out.print(f"{found.events:,} events; exact: {found.exact}", highlight=False)
