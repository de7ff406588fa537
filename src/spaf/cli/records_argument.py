"""The argument that `spaf report` and `spaf slides` share: which records they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaf.report.figures import Figures
from spaf.report.records import chosen_records
from spaf.settings import Settings
from spaf.stack.state import RunFolder

RecordsFolders = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of records; without one, those of the run folder, else those of the "
        "repository.",
    ),
]


def chosen_figures(wanted: list[Path] | None, settings: Settings) -> Figures:
    """Return the figures of the records that the user chose.

    Raises:
        ResultsError: a folder that the user names has none, or one cannot be read.

    """
    return Figures(chosen_records(wanted or [], RunFolder(settings.home).results))
