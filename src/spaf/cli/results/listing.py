"""`spaf results list`: which results there are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from spaf import settings
from spaf.bench.results.folder import StoredResult, stored
from spaf.bench.results.record import Ending, ResultRecord
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.stack.state import RunFolder

COLUMNS = ("name", "command", "started (UTC)", "seconds", "valid", "reasons")

FOLDER_HELP = "Folder of the results. By default that of the run folder."


def list_(
    folder: Annotated[Path | None, typer.Argument(help=FOLDER_HELP, show_default=False)] = None,
    *,
    json: Json = False,
) -> None:
    """List the results, oldest first: when, what, how long, and whether they are valid."""
    where = folder or RunFolder(settings.load().home).results
    results = stored(where)
    if json:
        print_json([_summary(result) for result in results])
    elif results:
        out.print(table("", COLUMNS, [_row(result) for result in results]))
    else:
        err.print(f"There are no results in {where}: `spaf bench` and `spaf prove` make them.")


def state_of(record: ResultRecord) -> str:
    """Return whether the figures are valid, or how else the run has ended."""
    if record.ending is Ending.COMPLETE:
        return "yes" if record.validity.valid else "no"
    return record.ending


def start_of(record: ResultRecord) -> str:
    """Return when a run was started, UTC."""
    return f"{datetime.fromtimestamp(record.started_us / 1e6, UTC):%Y-%m-%d %H:%M:%S}"


def _row(result: StoredResult) -> tuple[Any, ...]:
    record = result.record
    if record is None:
        return result.folder.name, "", "", None, "unreadable", result.problem
    seconds = None if record.seconds is None else round(record.seconds)
    reasons = "; ".join(record.validity.reasons)
    return (
        *(result.folder.name, record.scenario, start_of(record)),
        *(seconds, state_of(record), reasons),
    )


def _summary(result: StoredResult) -> dict[str, Any]:
    record = result.record
    if record is None:
        return {"name": result.folder.name, "folder": str(result.folder), "problem": result.problem}
    return {
        "name": result.folder.name,
        "folder": str(result.folder),
        "scenario": record.scenario,
        "command": record.command,
        "started_us": record.started_us,
        "ended_us": record.ended_us,
        "ending": record.ending,
        "valid": record.validity.valid,
        "reasons": record.validity.reasons,
    }
