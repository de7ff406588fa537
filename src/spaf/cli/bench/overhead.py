"""`spaf bench overhead`: what ledger and detection cost over the aggregates alone."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.bench.run.machine import machine
from spaf.bench.throughput.drain import scenario
from spaf.bench.throughput.overhead import ALL, JOBS, measure
from spaf.cli.bench.loaded_topic import filled
from spaf.cli.terminal.output import Json, out, print_json, table


def overhead(
    events: Annotated[int, typer.Option(min=1_000, help="Events in the topic.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Rounds that are counted.")] = 3,
    *,
    json: Json = False,
) -> None:
    """Drain one topic by jobs with fewer and more answers in turns; print what each adds.

    Each figure is the median of the rounds; the first round, whose code is not compiled yet, is
    left out.
    """
    with filled(scenario(settings.load()), events) as (session, tell):
        found = measure(session, rounds, tell)
    if json:
        print_json(
            {
                "machine": machine(),
                "events": events,
                "cpu_us_per_event": {job: round(found.cpu_us(job), 3) for job in JOBS},
                "over_aggregates_us": round(found.added_us(ALL), 3),
                "exact": found.exact,
                "drains": {job: [d.as_dict() for d in found.drains[job]] for job in JOBS},
            }
        )
    else:
        rows = [(job, found.cpu_us(job), found.added_us(job)) for job in JOBS]
        out.print(table("", ("job writes", "CPU µs/event", "over aggregates"), rows))
    if not found.exact:
        raise typer.Exit(1)
