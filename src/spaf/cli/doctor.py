"""`spaf doctor`: whether SPAF can run here, and what to mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.text import Text

from spaf import settings
from spaf.cli.terminal.output import Json, counted, out, print_json, printable
from spaf.errors import BrowserError, SpafError
from spaf.measure.browser import find
from spaf.settings import Settings
from spaf.stack.doctor.finding import Finding, Level, fail, ok, warn
from spaf.stack.doctor.report import examine

STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
# Columns before the text of a finding.
INDENT = 20


def doctor(*, json: Json = False) -> None:
    """Check machine, installation, run folder and environment; exit code 1 if something fails."""
    report = []
    for area, finding in _findings():
        report.append({"area": area, **asdict(finding)})
        if not json:
            _print(area, finding)
    failed, warned = (
        sum(line["level"] is level for line in report) for level in (Level.FAIL, Level.WARN)
    )
    if json:
        print_json({"ok": not failed, "findings": report})
    else:
        verdict = "SPAF can run here" if not failed else f"{counted(failed, 'failure')} to mend"
        out.print(f"\n{verdict}; {counted(warned, 'warning')}", highlight=False)
    if failed:
        raise typer.Exit(1)


def _findings() -> Iterator[tuple[str, Finding]]:
    try:
        chosen = settings.load()
    except SpafError as error:
        yield "environment", fail(f"The settings: {error.what}", error.todo)
        chosen = Settings.model_construct()
    try:
        yield from examine(chosen)
    except OSError as error:
        yield "run folder", fail(f"{chosen.home}: {error.strerror}", "Correct SPAF_HOME.")
    yield "measurements", _browser(chosen)


def _browser(chosen: Settings) -> Finding:
    try:
        return ok(f"Chromium to measure the page: {find(chosen.serve.browser)}")
    except BrowserError as error:
        return warn(error.what, error.todo)


def _print(area: str, finding: Finding) -> None:
    line = Text.assemble(
        (f"{finding.level:<5}", STYLES[finding.level]), f" {area:<13} {printable(finding.what)}"
    )
    out.print(line, soft_wrap=True)
    if finding.todo:
        out.print(Text(f"{'':{INDENT}}{printable(finding.todo)}"), soft_wrap=True)
