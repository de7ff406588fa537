"""The records that report and talk are made from: a folder of them, or the committed reference."""

from __future__ import annotations

from pathlib import Path

import spaf
from spaf.bench.results.folder import StoredResult, stored
from spaf.errors import ResultsError
from spaf.report.figures import StoredRecord

REFERENCE = Path(spaf.__file__).parents[2] / "results" / "reference"
TODO = "`spaf bench rates`, `spaf bench drain` and the others leave a record each."


def read_records(folder: Path) -> list[StoredRecord]:
    """Return the records in a folder, or in the folder of one record.

    Raises:
        ResultsError: there is none, or one of them cannot be read.

    """
    found = stored(folder) or [one for one in stored(folder.parent) if one.folder == folder]
    if not found:
        raise ResultsError(f"There is no result in {folder}.", todo=TODO)
    return [_readable(one) for one in found]


def _readable(result: StoredResult) -> StoredRecord:
    """Return a record with its folder.

    Raises:
        ResultsError: it cannot be read.

    """
    if result.record is None:
        raise ResultsError(result.problem)
    return StoredRecord(result.record, result.folder)


def chosen_records(wanted: Path | None, own: Path) -> list[StoredRecord]:
    """Return the records that the user names; or those of the run folder; or the reference.

    Args:
        wanted: folder that the user names.
        own: folder of the results of the run folder.

    Raises:
        ResultsError: the folder that the user names has none, or one cannot be read.

    """
    if wanted is not None:
        return read_records(wanted)
    return [_readable(one) for one in stored(own) or stored(REFERENCE)]
