"""The report: one HTML page that holds everything it shows."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from spaf.bench.results.record import RECORD_FILE
from spaf.errors import FigureError, SettingsError
from spaf.files import write_atomically
from spaf.report.figures import Figures, StoredRecord
from spaf.report.language import Language
from spaf.report.renderer import Renderer

# Folder of the templates.
PAPER = "paper"
VALID = {Language.en: "yes", Language.pt: "sim"}


class LinkedFile(NamedTuple):
    """A file of a record, and the link to it from the report."""

    name: str
    link: str


class ListedRecord(NamedTuple):
    """A record as the report lists it."""

    name: str
    command: str
    day: str
    valid: str
    """Yes, or why not."""
    files: list[LinkedFile]


def write_report(figures: Figures, language: Language, file: Path) -> Renderer:
    """Write the report; an existing file is replaced. Return what rendered it, with the gaps.

    Raises:
        SettingsError: the file cannot be written.
        ResultsError: the data of a record are damaged.

    """
    renderer = Renderer(figures, language)
    by_time = sorted(figures.all, key=lambda stored: stored.record.started_us)
    page = renderer.page(
        PAPER,
        rates=_rates(figures),
        records=[_listed(stored, language, file) for stored in by_time],
    )
    try:
        write_atomically(file, page.encode())
    except OSError as error:
        raise SettingsError(f"{file} cannot be written ({error.strerror}).") from error
    return renderer


def _rates(figures: Figures) -> list[str]:
    """Return the measured rates; none if there is no valid result."""
    try:
        return figures.rates()
    except FigureError:
        return []


def _listed(stored: StoredRecord, language: Language, report: Path) -> ListedRecord:
    record = stored.record
    day = datetime.fromtimestamp(record.started_us / 1e6, UTC).date().isoformat()
    validity = record.validity
    valid = VALID[language] if validity.valid else "; ".join(validity.reasons)
    folder = Path(os.path.relpath(stored.folder.absolute(), report.absolute().parent))
    names = (RECORD_FILE, *sorted(record.files))
    files = [LinkedFile(name, (folder / name).as_posix()) for name in names]
    return ListedRecord(record.name, record.command, day, valid, files)
