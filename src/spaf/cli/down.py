"""`spaf down`: stop the services."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import err
from spaf.stack import control
from spaf.stack.state import RunFolder


def down(
    *,
    wipe: Annotated[
        bool,
        typer.Option(
            "--wipe",
            help="Delete the run folder too: data, logs, passwords; results of measurements stay. "
            "A link or a mount is emptied.",
        ),
    ] = False,
) -> None:
    """Stop everything that runs in the run folder."""
    chosen = settings.load()
    was_running = control.down(chosen, wipe=wipe)
    err.print("Stopped." if was_running else "Nothing was running.")
    if wipe:
        err.print(f"{chosen.home} is {_left(RunFolder(chosen.home))}.")


def _left(home: RunFolder) -> str:
    if home.has_results():
        return f"empty but for {home.results}, which holds the results of measurements"
    return "empty" if home.folder.is_symlink() or home.folder.exists() else "deleted"
