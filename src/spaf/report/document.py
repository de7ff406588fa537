"""The report: one HTML page that holds everything it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from spaf.errors import FigureError, SettingsError
from spaf.files import write_atomically
from spaf.report.figures import Figures, StoredRecord
from spaf.report.language import Language
from spaf.report.renderer import Renderer

# Folder of the templates.
PAPER = "paper"
VALID = {Language.en: "yes", Language.pt: "sim"}


class ListedRecord(NamedTuple):
    """A record as the report lists it."""

    name: str
    command: str
    day: str
    valid: str
    """Yes, or why not."""


def write_report(figures: Figures, language: Language, file: Path) -> Renderer:
    """Write the report; an existing file is replaced. Return what rendered it, with the gaps.

    Raises:
        SettingsError: the file cannot be written.
        ResultsError: the data of a record are damaged.

    """
    renderer = Renderer(figures, language)
    page = renderer.page(
        PAPER,
        rates=_rates(figures),
        records=[_listed(one, language) for one in figures.stored.values()],
        versions=_versions(figures),
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


def _listed(stored: StoredRecord, language: Language) -> ListedRecord:
    record = stored.record
    day = datetime.fromtimestamp(record.started_us / 1e6, UTC).date().isoformat()
    validity = record.validity
    valid = VALID[language] if validity.valid else "; ".join(validity.reasons)
    return ListedRecord(record.name, record.command, day, valid)


def _versions(figures: Figures) -> str:
    """Return the versions of the newest record."""
    records = [stored.record for stored in figures.stored.values()]
    newest = max(records, key=lambda record: record.started_us, default=None)
    versions = {} if newest is None else newest.versions
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version) or "?"
