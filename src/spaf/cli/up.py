"""`spaf up`: start the services."""

from __future__ import annotations

import typer

from spaf import settings
from spaf.cli.lazy_group import INTERRUPTED
from spaf.cli.status import print_status, status_report
from spaf.cli.terminal.output import Json, err, print_json
from spaf.cli.terminal.progress import StartProgress
from spaf.stack import control
from spaf.stack.service_names import SERVE
from spaf.stack.state import RunFolder


def up(*, json: Json = False) -> None:
    """Start Kafka, Flink, PostgreSQL, the job and the pages; they go on in the background."""
    chosen = settings.load()
    if control.is_up(chosen):
        err.print("SPAF is already up.")
    progress = StartProgress()
    try:
        control.up(chosen, progress)
        answers = control.wait_for_page(chosen, progress)
    except KeyboardInterrupt:
        err.print("Interrupted; the start goes on. `spaf status` shows it, `spaf down` ends it.")
        raise typer.Exit(INTERRUPTED) from None
    if not answers:
        err.print("[yellow]The page does not answer yet; `spaf logs serve` says why.[/]")
    state = RunFolder(chosen.home).running()
    report, _ = status_report(chosen, state)
    if json:
        print_json(report)
    else:
        print_status(report)
        page = state.services.get(SERVE)
        if page is not None:
            err.print(f"\nThe page: [bold]{page.address}[/]", highlight=False)
        err.print("Start sales there, on Locust's page or with `spaf load`; end with `spaf down`.")
    if report["trouble"] is not None and report["trouble"]["lasting"]:
        raise typer.Exit(1)
