"""`spaf verify`: recompute everything from the topic and compare."""

from __future__ import annotations

import typer
from rich.progress import Progress

from spaf import settings
from spaf.bench.session import Session
from spaf.bench.verdict import verify as recompute
from spaf.cli.output import Json, err, out, print_json
from spaf.verify import Verdict

# Differences that are printed one by one; the rest is counted.
SHOWN = 20


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(verify)


def verify(*, json: Json = False) -> None:
    """Recompute all sums and the ledger from the topic and compare; exit code 0 if all is exact."""
    session = Session.attach(settings.load())
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("reading the topic", total=None)
        verdict = recompute(
            session, lambda done, of: progress.update(task, completed=done, total=of)
        )
    if json:
        print_json(verdict.as_dict())
    else:
        print_verdict(verdict)
    if not verdict.exact:
        raise typer.Exit(1)


def print_verdict(verdict: Verdict) -> None:
    """Print the equation and what differs."""
    equation = (
        f"{verdict.records:,} records = {verdict.accepted:,} accepted + {verdict.late:,} late"
        f" + {verdict.rejected:,} rejected"
    )
    out.print(f"{equation}; unaccounted {verdict.unaccounted:,}", highlight=False)
    for difference in verdict.differences[:SHOWN]:
        out.print(f"  {difference}", style="red", markup=False, highlight=False)
    if len(verdict.differences) > SHOWN:
        out.print(f"  ... and {len(verdict.differences) - SHOWN:,} more", style="red")
    if verdict.exact:
        left = f" ({verdict.open_groups} rows still changing)" if verdict.open_groups else ""
        out.print(f"[bold green]exact[/]: every sum equals its recomputation, to the cent{left}")
    else:
        out.print(f"[bold red]NOT exact[/]: {len(verdict.differences):,} differences")
