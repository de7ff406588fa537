"""`spaf slides`: the talk, made from the records of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaf import settings
from spaf.cli.records_argument import RecordsFolders, chosen_figures
from spaf.cli.terminal.output import out, print_gaps
from spaf.measure.browser import find
from spaf.report.language import Language
from spaf.report.pdf import print_slides
from spaf.report.renderer import Renderer
from spaf.report.slides import check_folder, write_talk

# Both languages share it.
FOLDER = Path("talk")


def slides(
    results: RecordsFolders = None,
    *,
    language: Annotated[Language, typer.Option(help="Of the slides and notes.")] = Language.en,
    output: Annotated[
        Path, typer.Option(help="Folder to write; both languages can share it.")
    ] = FOLDER,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the slides as PDF too, by Chromium.")
    ] = False,
) -> None:
    """Write the talk: slides with notes, and figures and plots from records of results.

    About twenty slides for fifteen minutes. Open slides-en.html or slides-pt.html in a browser; S
    shows the notes. It needs no network. What was not measured is a visible gap with its reason.
    """
    configured = settings.load()
    # Before any work: a browser that is missing, a folder that is taken.
    program = find(configured.serve.browser) if pdf else None
    check_folder(output)
    renderer = Renderer(chosen_figures(results, configured), language)
    page = write_talk(renderer, output)
    if program is not None:
        print_slides(page, page.with_suffix(".pdf"), program)
    print_gaps(renderer.gaps)
    out.print(f"Talk: open {page.absolute()}, press S for the notes.", markup=False, soft_wrap=True)
