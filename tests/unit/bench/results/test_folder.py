"""Folders of results: written whole, read back, and each problem said in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from spaf.bench.results import folder as results
from spaf.bench.results.record import RECORD_FILE, SALES_FILE, Ending, Validity
from spaf.errors import ResultsError
from tests.support.records import RECORD


def write(folder: Path, **changes: Any) -> Path:
    """Write a record into a new folder and return that."""
    results.create(folder)
    record = msgspec.structs.replace(RECORD, name=folder.name, **changes)
    results.write(folder, record)
    return folder


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With its validity and its ending, and without a temporary file next to it."""
    validity = Validity(valid=False, reasons=["the tables are not exact"])
    folder = write(tmp_path / "r", validity=validity, ending=Ending.COMPLETE)
    record = results.read(folder)
    assert record == msgspec.structs.replace(
        RECORD, name="r", validity=validity, ending=Ending.COMPLETE
    )
    assert [file.name for file in folder.iterdir()] == [RECORD_FILE]


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    """By their names, with a slash in them."""
    results.create(tmp_path / "r")
    values = np.arange(5, dtype=np.int64)
    file = results.write_arrays(tmp_path / "r", SALES_FILE, {"100/due_us": values})
    record = msgspec.structs.replace(RECORD, files={SALES_FILE: file})
    found = results.read_arrays(tmp_path / "r", record, SALES_FILE)
    assert list(found) == ["100/due_us"]
    assert list(found["100/due_us"]) == list(values)
    assert results.read_arrays(tmp_path / "r", record, "other.npz") == {}


def test_a_changed_file_of_data_is_damaged(tmp_path: Path) -> None:
    """A figure would come from other data than the record says."""
    results.create(tmp_path / "r")
    file = results.write_arrays(tmp_path / "r", SALES_FILE, {"a": np.zeros(3)})
    record = msgspec.structs.replace(RECORD, files={SALES_FILE: file})
    (tmp_path / "r" / SALES_FILE).write_bytes(b"PK")
    with pytest.raises(ResultsError, match="damaged: it is not the file that was written"):
        results.read_arrays(tmp_path / "r", record, SALES_FILE)
    (tmp_path / "r" / SALES_FILE).unlink()
    with pytest.raises(ResultsError, match="cannot be read"):
        results.read_arrays(tmp_path / "r", record, SALES_FILE)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is damaged"),
        (b'{"schema": 1}', "is damaged"),
        (b"[1]", "is damaged"),
        (b'{"schema": 2}', "has schema 2, and this SPAF reads up to 1"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    """In one line; a list shows the others all the same."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / RECORD_FILE).write_bytes(content)
    with pytest.raises(ResultsError, match=problem) as caught:
        results.read(tmp_path / "bad")
    assert "\n" not in caught.value.what
    write(tmp_path / "good")
    listed = results.stored(tmp_path)
    assert [(result.folder.name, result.record is None) for result in listed] == [
        ("bad", True),
        ("good", False),
    ]
    assert problem in listed[0].problem


def test_a_field_of_a_later_version_is_no_obstacle(tmp_path: Path) -> None:
    """Within one schema fields may be added."""
    folder = write(tmp_path / "r")
    content = msgspec.json.decode((folder / RECORD_FILE).read_bytes())
    (folder / RECORD_FILE).write_bytes(msgspec.json.encode({**content, "new": 1}))
    assert results.read(folder).name == "r"


def test_a_result_is_found_by_name_beginning_or_path(tmp_path: Path) -> None:
    """The beginning means the newest that begins so, and nothing the newest of all."""
    for at, name in enumerate(("rates-1", "rates-2", "drain-1", "rates-20")):
        write(tmp_path / name, started_us=at)
    found = {
        wanted: results.find(wanted, tmp_path).name
        for wanted in ("rates-1", "rates-2", "rates", "drain", "", f"{tmp_path}/drain-1")
    }
    assert found == {
        "rates-1": "rates-1",
        "rates-2": "rates-2",
        "rates": "rates-20",
        "drain": "drain-1",
        "": "rates-20",
        f"{tmp_path}/drain-1": "drain-1",
    }
    with pytest.raises(ResultsError, match="no result whose name begins with peers"):
        results.find("peers", tmp_path)
    with pytest.raises(ResultsError, match="There is no result in"):
        results.read(results.find("nowhere/x", tmp_path))
    with pytest.raises(ResultsError, match="There is no result in"):
        results.find("", tmp_path / "none")


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "-x", "é", "a" * 101])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    """It would need quotes, or be outside of the folder."""
    with pytest.raises(ResultsError, match="is no name of a result"):
        results.folder_of(name, tmp_path)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    """A result is never overwritten; the refusal comes before anything is measured."""
    write(tmp_path / "r")
    with pytest.raises(ResultsError, match="exists"):
        results.create(tmp_path / "r")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="cannot be written"):
        results.create(tmp_path / "file" / "r")
