"""The argument that `spaf report` and `spaf slides` share: which records they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spaf.report.figures import Figures
from spaf.report.records import chosen_records
from spaf.settings import Settings
from spaf.stack.state import RunFolder

RecordsFolder = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of records; without it, those of the run folder, else the reference of "
        "the repository.",
    ),
]


def chosen_figures(wanted: Path | None, settings: Settings) -> Figures:
    """Return the figures of the records that the user chose.

    Raises:
        ResultsError: the folder that the user names has none, or one cannot be read.

    """
    return Figures(chosen_records(wanted, RunFolder(settings.home).results))
