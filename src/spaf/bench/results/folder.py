"""The folders of the records: names, list, reading and writing."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from spaf.bench.results.record import RECORD_FILE, SCHEMA, DataFile, ResultRecord, SchemaOnly
from spaf.errors import ResultsError
from spaf.files import write_atomically

# What a user may type without quotes, and what every file system takes.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LIST = "`spaf results list` shows what there is."


class StoredResult(NamedTuple):
    """A folder with a record; `problem` says why it cannot be read."""

    folder: Path
    record: ResultRecord | None
    problem: str = ""

    @property
    def started_us(self) -> int:
        """When its run was started; 0 if that cannot be read."""
        return 0 if self.record is None else self.record.started_us


def folder_of(wanted: str, results: Path) -> Path:
    """Return the folder of a name, or of a path, which is a text with a slash.

    Args:
        wanted: as the user has written it.
        results: the folder of the named records.

    Raises:
        ResultsError: it is no name.

    """
    if "/" in wanted:
        return Path(wanted)
    if not NAME.fullmatch(wanted):
        raise ResultsError(
            f"{wanted!r} is no name of a result.",
            todo="A name has letters, digits, dots, dashes and underscores; a path has a slash.",
        )
    return results / wanted


def create(folder: Path) -> None:
    """Create the folder of a new record.

    Raises:
        ResultsError: it holds something already, or cannot be created.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise ResultsError(
            f"The result cannot be written to {folder} ({error.strerror})."
        ) from error
    if taken:
        raise ResultsError(f"{folder} exists.", todo="Choose another name for the result.")


def write(folder: Path, record: ResultRecord) -> None:
    """Write or replace the record.

    Raises:
        OSError: it could not be written.

    """
    content = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
    write_atomically(folder / RECORD_FILE, content)


def write_arrays(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> DataFile:
    """Write named arrays as one compressed file, and return its size and sum.

    Raises:
        OSError: it could not be written.

    """
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(buffer, **named)
    content = buffer.getvalue()
    write_atomically(folder / name, content)
    return DataFile(len(content), hashlib.sha256(content).hexdigest())


def read(folder: Path) -> ResultRecord:
    """Return the record of a folder.

    Raises:
        ResultsError: there is none, or it is damaged or of a newer schema.

    """
    file = folder / RECORD_FILE
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ResultsError(f"There is no result in {folder}.", todo=LIST) from None
    except OSError as error:
        raise ResultsError(f"{file} cannot be read ({error.strerror}).") from error
    try:
        schema = msgspec.json.decode(content, type=SchemaOnly).schema
        if schema > SCHEMA:
            raise ResultsError(
                f"{file} has schema {schema}, and this SPAF reads up to {SCHEMA}.",
                todo="Read it with the SPAF that wrote it, or a newer one.",
            )
        return msgspec.json.decode(content, type=ResultRecord)
    except msgspec.DecodeError as error:
        raise ResultsError(f"{file} is damaged: {error}.") from error


def read_arrays(folder: Path, record: ResultRecord, name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of a record; none if the record has no such file.

    Raises:
        ResultsError: the file is missing, or not the one that was written.

    """
    wanted = record.files.get(name)
    if wanted is None:
        return {}
    file = folder / name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ResultsError(f"{file} cannot be read ({error.strerror}).") from error
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise ResultsError(f"{file} is damaged: it is not the file that was written.")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def stored(results: Path) -> list[StoredResult]:
    """Return every record in the folders of a folder, the oldest first."""
    return sorted(_stored(results), key=lambda result: (result.started_us, result.folder.name))


def _stored(results: Path) -> Iterator[StoredResult]:
    if not results.is_dir():
        return
    for folder in results.iterdir():
        if not (folder / RECORD_FILE).exists():
            continue
        try:
            yield StoredResult(folder, read(folder))
        except ResultsError as error:
            yield StoredResult(folder, None, error.line)


def find(wanted: str, results: Path) -> Path:
    """Return the folder of a record: by path, by name, or the newest whose name begins so.

    An empty text means the newest of all.

    Raises:
        ResultsError: there is none.

    """
    if wanted and ("/" in wanted or (folder_of(wanted, results) / RECORD_FILE).exists()):
        return folder_of(wanted, results)
    matching = [
        result.folder for result in stored(results) if result.folder.name.startswith(wanted)
    ]
    if not matching:
        name = f" whose name begins with {wanted}" if wanted else ""
        raise ResultsError(f"There is no result{name} in {results}.", todo=LIST)
    return matching[-1]
