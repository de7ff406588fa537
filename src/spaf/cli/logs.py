"""`spaf logs`: the end of a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import err, out
from spaf.errors import SettingsError
from spaf.stack import control
from spaf.stack.process import log_tail
from spaf.stack.service_names import SUPERVISOR_LOG
from spaf.stack.state import RunFolder


def logs(
    name: Annotated[
        str | None,
        typer.Argument(help="A service, `spaf` (the supervisor), `job-submit` or `load`."),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=10_000, help="Lines to print, the last ones.")
    ] = 50,
) -> None:
    """Print the end of a log; without a name, which logs there are."""
    chosen = settings.load()
    folder = RunFolder(chosen.home).logs
    names = sorted(path.stem for path in folder.glob("*.log"))
    if name is None:
        out.print("\n".join(names) or f"no logs yet in {folder}", highlight=False)
        return
    file = folder / f"{Path(name).name}.log"
    if not file.exists():
        raise SettingsError(
            f"There is no log of {name!r} in {folder}.",
            todo=f"Logs: {', '.join(names) or 'none yet'}",
        )
    out.print(log_tail(file, lines), markup=False, highlight=False, soft_wrap=True)
    if name == SUPERVISOR_LOG and control.was_killed(chosen):
        err.print(
            "[yellow]The supervisor ended without stopping the run: it was killed (by a person, or "
            "for lack of memory), or the machine was stopped.[/]"
        )
