"""`spaf down`: stop the services."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import err
from spaf.stack import control


def down(
    *,
    wipe: Annotated[
        bool,
        typer.Option(
            "--wipe",
            help="Delete the run folder too: data, logs, passwords. A link or a mount is emptied.",
        ),
    ] = False,
) -> None:
    """Stop everything that runs in the run folder."""
    chosen = settings.load()
    was_running = control.down(chosen, wipe=wipe)
    err.print("Stopped." if was_running else "Nothing was running.")
    if wipe:
        kept = chosen.home.is_symlink() or chosen.home.exists()
        err.print(f"{chosen.home} is {'empty' if kept else 'deleted'}.")
