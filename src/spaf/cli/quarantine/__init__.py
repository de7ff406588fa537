"""`spaf quarantine`: the records that were not accepted."""

from __future__ import annotations

import typer

from spaf.cli.quarantine.listing import export, list_
from spaf.cli.quarantine.single import replay, show


def add(app: typer.Typer) -> None:
    """Add the verb and what it can do."""
    group = typer.Typer(
        help="Records that were not accepted: list, look at, export, send again.",
        no_args_is_help=True,
    )
    group.command("list")(list_)
    group.command()(show)
    group.command()(export)
    group.command()(replay)
    app.add_typer(group, name="quarantine")
