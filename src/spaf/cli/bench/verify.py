"""`spaf bench verify`: how long a verification takes."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.bench.run.machine import machine
from spaf.bench.throughput.verify_speed import EVENT_BYTES, STAGES, Speed, measure, scenario
from spaf.cli.bench.loaded_topic import filled
from spaf.cli.terminal.output import Json, out, print_json, table


def verify(
    events: Annotated[int, typer.Option(min=1_000, help="Events in the topic.")] = 1_000_000,
    *,
    json: Json = False,
) -> None:
    """Fill a topic, then time each stage of a verification of it; the job does not run."""
    with filled(scenario(settings.load()), events, EVENT_BYTES) as (session, tell):
        found = measure(session, tell)
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
