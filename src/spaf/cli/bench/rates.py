"""`spaf bench rates`: latency, exactness and cost at several rates."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from spaf import settings
from spaf.bench.run.machine import machine
from spaf.bench.run.rates import measure_rate
from spaf.cli.terminal.output import Json, duration, err, out, print_json, rates_of, table
from spaf.cli.terminal.progress import StartProgress
from spaf.stack.run import running


def rates(
    wanted: Annotated[
        str, typer.Option("--rates", help="Sales a second, with commas between.")
    ] = "10,50,100,1000",
    length: Annotated[str, typer.Option("--for", help="How long at each rate.")] = "60s",
    *,
    json: Json = False,
) -> None:
    """Sell at each rate in turn; verify all; latency of every sale, memory and processor time."""
    seconds = duration(length)
    asked = rates_of(wanted)
    results = []
    with running(settings.load(), StartProgress()) as session, err.status("") as line:
        for one in asked:
            outcome = measure_rate(session, one, seconds, line.update)
            results.append(outcome.as_dict())
    if json:
        print_json({"machine": machine(), "seconds": seconds, "rates": results})
    else:
        out.print(_table(results))
    if not all(result["valid"] for result in results):
        raise typer.Exit(1)


def _table(results: list[dict[str, Any]]) -> Table:
    columns = (
        "sales/s",
        "records",
        "unaccounted",
        "differences",
        "p50 ms",
        "p99 ms",
        "max ms",
        "memory MiB",
        "CPU cores",
        "valid",
    )
    rows = []
    for result in results:
        store = result["latency_ms"]["store"] or {}
        rows.append(
            (
                result["rate"],
                result["records"],
                result["unaccounted"],
                result["differences"],
                store.get("p50"),
                store.get("p99"),
                store.get("max"),
                result["rss_mib"],
                result["cpu_cores"],
                result["valid"],
            )
        )
    return table("intended → visible in PostgreSQL, every sale", columns, rows)
