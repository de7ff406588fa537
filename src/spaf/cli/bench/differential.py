"""`spaf bench differential`: hostile records through the job and through `spaf.sale`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from spaf import settings
from spaf.bench.agreement.cases import append
from spaf.bench.agreement.differential import DifferentialReport, cases, fresh, run, scenario
from spaf.bench.agreement.fuzz import shown
from spaf.bench.run.machine import machine
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.cli.terminal.progress import StartProgress
from spaf.stack.run import running

# Disagreements that a person is shown; --json and --keep have all.
SHOWN = 20


def differential(
    records: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Fuzzed records beside the hand-made ones.")
    ] = 20_000,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the fuzzed records; else one by chance.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Append each record that fails to this file (JSON lines).")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Send hostile records through the real job and through spaf.sale, and compare each.

    Every hand-made form of the reference, every record that ever failed, and fuzzed ones go through
    a topic and the job into PostgreSQL. Outcome, value and group of each record must be those that
    spaf.sale gives it. Exit code 1 if one is not.
    """
    chosen = scenario(settings.load())
    number = secrets.randbelow(2**31) if seed is None else seed
    with running(chosen, StartProgress(), bare=True) as session, err.status("") as line:
        found = list(cases(records, number))
        report = run(fresh(session), chosen, found, number, line.update)
    if keep is not None:
        append(keep, (one.case for one in report.disagreements))
    if json:
        print_json({"machine": machine(), **report.as_dict()})
    else:
        _print(report)
    if report.disagreements:
        raise typer.Exit(1)


def _print(report: DifferentialReport) -> None:
    rows = [
        ("records", report.records),
        ("hand-made", report.hand_made),
        ("kept from earlier failures", report.kept),
        ("fuzzed", report.fuzzed),
        *sorted(report.outcomes.items()),
        ("unsettled", report.unsettled),
        ("disagreements", len(report.disagreements)),
    ]
    out.print(table(f"seed {report.seed}", ("", "records"), rows))
    if report.disagreements:
        out.print(_failures(report))
        err.print(
            f"The same again: spaf bench differential --records {report.fuzzed} "
            f"--seed {report.seed} --keep FILE"
        )


def _failures(report: DifferentialReport) -> Table:
    rows = [
        (one.case.origin, shown(one.case.value), repr(one.expected), repr(one.found))
        for one in report.disagreements[:SHOWN]
    ]
    return table("disagreements", ("origin", "record", "spaf.sale", "job"), rows)
