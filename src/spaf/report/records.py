"""The records that report and talk are made from: a folder of them, or the committed reference."""

from __future__ import annotations

from pathlib import Path

import spaf
from spaf.bench.results.folder import stored
from spaf.bench.results.record import ResultRecord
from spaf.errors import ResultsError

REFERENCE = Path(spaf.__file__).parents[2] / "results" / "reference"
TODO = "`spaf bench rates`, `spaf bench drain` and the others leave a record each."


def read_records(folder: Path) -> list[ResultRecord]:
    """Return the records in a folder, or in the folder of one record.

    Raises:
        ResultsError: there is none, or one of them cannot be read.

    """
    found = stored(folder) or [one for one in stored(folder.parent) if one.folder == folder]
    if not found:
        raise ResultsError(f"There is no result in {folder}.", todo=TODO)
    for one in found:
        if one.record is None:
            raise ResultsError(one.problem)
    return [one.record for one in found if one.record is not None]
