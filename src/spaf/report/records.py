"""The records that report and talk are made from: a folder of them, or the committed reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import spaf
from spaf.bench.results.folder import StoredResult, stored
from spaf.errors import ResultsError
from spaf.report.figures import StoredRecord

RESULTS = Path(spaf.__file__).parents[2] / "results"
# What the repository holds: the reference measurement, and the faults that were made.
REFERENCE = RESULTS / "reference"
FAULTS = RESULTS / "faults"
TODO = "`spaf bench rates`, `spaf bench drain` and the others leave a record each."


def read_records(folder: Path) -> list[StoredRecord]:
    """Return the records in a folder, or in the folder of one record.

    Raises:
        ResultsError: there is none, or one of them cannot be read.

    """
    records = _in(folder)
    if not records:
        raise ResultsError(f"There is no result in {folder}.", todo=TODO)
    return [_readable(stored_result) for stored_result in records]


def committed_records() -> list[StoredRecord]:
    """Return the records of the repository, of which every public figure is made.

    Raises:
        ResultsError: one cannot be read.

    """
    return [record for folder in (REFERENCE, FAULTS) for record in map(_readable, _in(folder))]


def _in(folder: Path) -> list[StoredResult]:
    """Return the records in the folders of a folder, or the one that is the folder."""
    return stored(folder) or [
        stored_result for stored_result in stored(folder.parent) if stored_result.folder == folder
    ]


def _readable(result: StoredResult) -> StoredRecord:
    """Return a record with its folder.

    Raises:
        ResultsError: it cannot be read.

    """
    if result.record is None:
        raise ResultsError(result.problem)
    return StoredRecord(result.record, result.folder)


def chosen_records(wanted: Sequence[Path], own: Path) -> list[StoredRecord]:
    """Return the records that the user names; or those of the run folder; or of the repository.

    Args:
        wanted: folders that the user names.
        own: folder of the results of the run folder.

    Raises:
        ResultsError: a folder that the user names has none, or one cannot be read.

    """
    if wanted:
        return [record for folder in wanted for record in read_records(folder)]
    return [_readable(stored_result) for stored_result in stored(own)] or committed_records()
