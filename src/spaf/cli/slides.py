"""`spaf slides`: the talk, made from the records of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaf import settings
from spaf.cli.records_argument import RecordsFolder, chosen_figures
from spaf.cli.terminal.output import out, print_gaps
from spaf.measure.browser import find
from spaf.report.language import Language
from spaf.report.pdf import print_slides
from spaf.report.renderer import Renderer
from spaf.report.slides import check_folder, write_talk

PDF = "slides.pdf"


def slides(
    results: RecordsFolder = None,
    *,
    language: Annotated[Language, typer.Option(help="Of the slides and notes.")] = Language.en,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; without it, talk-en or talk-pt.")
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the slides to slides.pdf too, by Chromium.")
    ] = False,
) -> None:
    """Write the talk: slides with notes, and figures and plots from records of results.

    About twenty slides for fifteen minutes. Open index.html in a browser; S shows the notes. It
    needs no network. What was not measured is a visible gap with its reason.
    """
    configured = settings.load()
    # Before any work: a browser that is missing, a folder that is taken.
    program = find(configured.serve.browser) if pdf else None
    folder = output or Path(f"talk-{language}")
    check_folder(folder)
    renderer = Renderer(chosen_figures(results, configured), language)
    page = write_talk(renderer, folder)
    if program is not None:
        print_slides(page, folder / PDF, program)
    print_gaps(renderer.gaps)
    out.print(f"Talk: open {page.absolute()}, press S for the notes.", markup=False, soft_wrap=True)
