"""`spaf bench replay`: one log, replayed by different jobs, gives the same tables."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from spaf import settings
from spaf.bench.agreement.replay import VARIANTS, Replay, Size, differences, replays, scenario
from spaf.bench.run.machine import machine
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.cli.terminal.progress import StartProgress
from spaf.stack.run import running


def replay(
    events: Annotated[
        int, typer.Option(min=3_000, max=5_000_000, help="Records of each log.")
    ] = 300_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the logs.")] = 1,
    *,
    json: Json = False,
) -> None:
    """Replay one log with other parallelism, mini-batches and a killed TaskManager; compare.

    The log holds late, hostile and anomalous records in partitions of very different length. The
    dumps of all tables, without their wall-clock columns, must be identical to the byte. Exit code
    1 if they are not.
    """
    chosen = scenario(settings.load())
    with running(chosen, StartProgress(), bare=True) as session, err.status("") as line:
        found = list(replays(session, chosen, VARIANTS, Size(events, seed), line.update))
    firsts = {one.variant.partitions: one for one in reversed(found)}
    unequal = [
        differences(firsts[one.variant.partitions], one)
        for one in found
        if one.sha256 != firsts[one.variant.partitions].sha256
    ]
    identical = not unequal and all(one.exact for one in found)
    if json:
        print_json(
            {
                "machine": machine(),
                "events": events,
                "seed": seed,
                "identical": identical,
                "replays": [one.as_dict() for one in found],
                "differences": unequal,
            }
        )
    else:
        _print(found, unequal)
    if not identical:
        raise typer.Exit(1)


def _print(found: list[Replay], unequal: list[Any]) -> None:
    rows = [
        (one.variant.name, one.sha256[:16], *one.rows.values(), one.exact, round(one.seconds, 1))
        for one in found
    ]
    columns = ("job", "sha256", *found[0].rows, "exact", "seconds")
    out.print(table("", columns, rows))
    for one in unequal:
        for name, sides in one.items():
            lines = [(side, row) for side, only in sides.items() for row in only]
            out.print(table(f"{name}: rows that only one has", ("job", "row"), lines))
