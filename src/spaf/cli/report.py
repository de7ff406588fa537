"""`spaf report`: one page with every plot and figure, made from the records of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaf import settings
from spaf.cli.records_argument import RecordsFolders, chosen_figures
from spaf.cli.terminal.output import out, print_gaps
from spaf.measure.browser import find
from spaf.report.document import write_report
from spaf.report.language import Language
from spaf.report.pdf import print_page


def report(
    results: RecordsFolders = None,
    *,
    language: Annotated[Language, typer.Option(help="Of the report.")] = Language.en,
    output: Annotated[
        Path | None, typer.Option(help="File to write; without it, report-en.html or -pt.html.")
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print a PDF into the same folder, by Chromium.")
    ] = False,
) -> None:
    """Write the report: method, plots, tables, failures, improvements, from records of results.

    One HTML file that needs nothing else. What was not measured, or not validly, is a visible gap
    with its reason.
    """
    configured = settings.load()
    # Before any work.
    program = find(configured.serve.browser) if pdf else None
    file = output or Path(f"report-{language}.html")
    gaps = write_report(chosen_figures(results, configured), language, file).gaps
    if program is not None:
        print_page(file, file.with_suffix(".pdf"), program)
    print_gaps(gaps)
    out.print(f"Report: open {file.absolute()}", markup=False, highlight=False, soft_wrap=True)
