"""Bytes of other programs: their text, or one sentence that says what they are."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from pathlib import Path

import pytest

from spaf.bench.detection.csv_series import read_series
from spaf.bench.detection.reading import source
from spaf.bench.detection.reading.source import STDIN, decode, read_source
from spaf.errors import SettingsError

CSV = b"date,value\n2024-01-01,5\n2024-01-02,6\n"


def archive(**members: bytes) -> bytes:
    """Return a ZIP archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(**{"[Content_Types].xml": b""}), "is a workbook of a spreadsheet"),
        (archive(mimetype=b""), "is a workbook of a spreadsheet"),
        (archive(a=CSV, b=CSV), "is a ZIP archive of 2 files"),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "is an Excel workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"SQLite format 3\x00", "is a SQLite database"),
        (b"\x7fELF" + bytes(99), "holds binary data"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "holds binary data"),
        (b"date,value\n1,\x00\n", "holds binary data"),
        (b'[{"data":"02/01/2024","valor":"4.8"}]', "is JSON"),
        (b"<!DOCTYPE html><html>", "is HTML or XML"),
        (gzip.compress(CSV * 99)[:-20], "the compressed data are damaged"),
        (b"\x1f\x8b" + b"x" * 20, "the compressed data are damaged"),
        (b"PAR1" + bytes(9), "cannot be read as Parquet"),
        (b"\xff\xfed", "begins as UTF-16, but"),
    ],
)
def test_what_is_no_csv_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    """One sentence with the name of the file, and what to do."""
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read_series(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    """A missing file, a folder, and a file that must not be read."""
    with pytest.raises(SettingsError, match=r"nothing\.csv: there is no such file"):
        read_source(tmp_path / "nothing.csv")
    with pytest.raises(SettingsError, match=r"is a folder\.\nName one file in it"):
        read_source(tmp_path)


def test_the_only_file_of_an_archive(tmp_path: Path) -> None:
    """A ZIP archive of one file is that file."""
    file = tmp_path / "a.zip"
    file.write_bytes(archive(a=CSV))
    assert read_source(file) == (CSV, "zip")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name - reads standard input, compressed or not."""
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(CSV)))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [row.value for row in read_series(STDIN).rows] == [5, 6]


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for the decompressed file as well."""
    monkeypatch.setattr(source, "MAX_BYTES", 10)
    for content in (CSV, gzip.compress(CSV)):
        file = tmp_path / "a.csv"
        file.write_bytes(content)
        with pytest.raises(SettingsError, match="has more than 256 MiB"):
            read_source(file)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("latin-1", "cp1252"),
        ("cp1252", "cp1252"),
        ("mac_roman", "mac_roman"),
        ("cp850", "cp850"),
    ],
)
def test_encodings(encoding: str, name: str) -> None:
    """The letters of a Brazilian file come back."""
    lines = (
        f"{day:02d}/01/2024;P\u00e3o franc\u00eas;n\u00e3o h\u00e1;4,{day}" for day in range(9)
    )
    text = "Data;Descri\u00e7\u00e3o;Observa\u00e7\u00e3o;Pre\u00e7o m\u00e9dio\n" + "\n".join(
        lines
    )
    assert decode(Path("a.csv"), text.encode(encoding)) == (text, name)
