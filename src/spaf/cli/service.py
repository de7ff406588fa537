"""`spaf service`: one service in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import err
from spaf.stack.log import configure as configure_log
from spaf.stack.service_health import is_healthy
from spaf.stack.service_specs import ALONE
from spaf.stack.state import RunFolder


def service(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(ALONE)}.", metavar="NAME")],
    *,
    healthy: Annotated[
        bool,
        typer.Option(
            "--healthy", help="Start nothing; exit code 0 if the service of this host is ready."
        ),
    ] = False,
) -> None:
    """Run one service in the foreground, for a container or a host of its own.

    Its log goes to standard output. SIGTERM and Ctrl-C end it in order. Each service needs a run
    folder of its own, but for `page` and `locust`, which share one.
    """
    chosen = settings.load()
    if not healthy:
        from spaf.stack import foreground  # noqa: PLC0415 - slow, and a check comes every few seconds

        configure_log()
        foreground.run(chosen, name)
    elif not is_healthy(RunFolder(chosen.home), name):
        err.print(f"{name} is not ready.")
        raise typer.Exit(1)
