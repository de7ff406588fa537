"""`spaf bench drain`: throughput of the job over a topic that was filled before."""

from __future__ import annotations

import statistics
from typing import Annotated

import typer
from rich.table import Table

from spaf import settings
from spaf.bench.run.machine import machine
from spaf.bench.throughput.drain import Drain, scenario
from spaf.bench.throughput.drain import drain as drain_once
from spaf.cli.bench.loaded_topic import filled
from spaf.cli.terminal.output import Json, out, print_json, table


def drain(
    events: Annotated[int, typer.Option(min=1_000, help="Events in the topic.")] = 3_000_000,
    drains: Annotated[int, typer.Option(min=1, max=20, help="Drains on one TaskManager.")] = 2,
    *,
    json: Json = False,
) -> None:
    """Fill a topic, then run the whole job over it into PostgreSQL, and verify every row.

    The first drain of a TaskManager runs code that is not compiled yet; the figures are the
    median of the others, if there are any.
    """
    with filled(scenario(settings.load()), events) as (session, tell):
        found = [drain_once(session, n + 1, tell) for n in range(drains)]
    counted = found[1:] or found
    if json:
        print_json(
            {
                "machine": machine(),
                "events": found[0].events,
                "events_per_second": round(
                    statistics.median(one.events_per_second for one in counted)
                ),
                "cpu_us_per_event": round(
                    statistics.median(one.cpu_us_per_event for one in counted), 3
                ),
                "exact": all(one.exact for one in found),
                "drains": [one.as_dict() for one in found],
            }
        )
    else:
        out.print(_table(found))
    if not all(one.exact for one in found):
        raise typer.Exit(1)


def _table(found: list[Drain]) -> Table:
    rows = [
        (
            n + 1,
            one.events,
            one.seconds,
            round(one.events_per_second),
            one.cpu_us_per_event,
            one.exact,
        )
        for n, one in enumerate(found)
    ]
    columns = ("drain", "events", "seconds", "events/s", "CPU µs/event", "exact")
    return table("", columns, rows)
