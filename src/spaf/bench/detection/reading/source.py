"""The text of a file: compression undone, encoding found; what is no text is refused by name."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import charset_normalizer
from backports import zstd

from spaf.errors import SettingsError

# The name that stands for standard input.
STDIN = Path("-")
# Limit of a file after decompression: rows are kept in memory, at fifteen times their size.
MAX_MIB = 256
MAX_BYTES = MAX_MIB * 2**20
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
SAVE_AS_CSV = "Save it as CSV and name that file."

_OPENERS: dict[bytes, tuple[str, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
    b"\x28\xb5\x2f\xfd": ("zstd", zstd.open),
}
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile)
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF",
    b"SQLite format 3\x00": "a SQLite database",
    b"ARROW1": "an Arrow file",
    b"Obj\x01": "an Avro file",
}
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf_8_sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf_32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf_32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf_16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf_16", "UTF-16"),
)
# One byte a character: Windows, spreadsheets on a Mac, and "CSV (MS-DOS)".
_SINGLE_BYTE = ["cp1252", "mac_roman", "cp850"]
# Bytes for the detection of an encoding, and characters for that of other formats.
_SAMPLE_BYTES, _SAMPLE = 2**18, 2**12
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_OTHER_FORMATS = (
    (re.compile(r"\s*(\[\s*)?\{"), "JSON"),
    (re.compile(r"\s*<(\?xml|!doctype|(html|table|body|svg|rss)\b)", re.IGNORECASE), "HTML or XML"),
)


class Source(NamedTuple):
    """The content of a file, and how it was stored."""

    data: bytes
    compression: str


def read_source(file: Path) -> Source:
    """Return the decompressed bytes of a file, or of standard input for `-`.

    Raises:
        SettingsError: it is missing, a folder, unreadable, damaged or too large, or is a file of
            another program.

    """
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        elif file.is_dir():
            raise SettingsError(f"{file} is a folder.", todo="Name one file in it.")
        else:
            with file.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SettingsError(f"{file}: there is no such file.") from None
    except OSError as failure:
        raise SettingsError(f"{file}: cannot be read: {failure.strerror}.") from None
    for magic, what in _REFUSED.items():
        if data.startswith(magic):
            raise SettingsError(f"{file} is {what}.", todo=SAVE_AS_CSV)
    source = Source(data, "") if len(data) > MAX_BYTES else _decompressed(file, data)
    if len(source.data) > MAX_BYTES:
        raise SettingsError(
            f"{file} has more than {MAX_MIB} MiB.", todo="Split it, or keep fewer columns."
        )
    return source


def _decompressed(file: Path, data: bytes) -> Source:
    try:
        if data.startswith(ZIP):
            return Source(_only_member(file, data), "zip")
        for magic, (name, opener) in _OPENERS.items():
            if data.startswith(magic):
                with opener(io.BytesIO(data)) as stream:
                    return Source(stream.read(MAX_BYTES + 1), name)
    except _DAMAGED as failure:
        raise SettingsError(f"{file}: the compressed data are damaged: {failure}.") from None
    return Source(data, "")


def _only_member(file: Path, data: bytes) -> bytes:
    """Return the only file of a ZIP archive; spreadsheets are such archives as well."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        names = {member.filename for member in members}
        if names & {"[Content_Types].xml", "mimetype"}:
            raise SettingsError(f"{file} is a workbook of a spreadsheet.", todo=SAVE_AS_CSV)
        if len(members) != 1:
            raise SettingsError(
                f"{file} is a ZIP archive of {len(members)} files.", todo="Extract one of them."
            )
        if members[0].flag_bits & 1:
            raise SettingsError(f"{file} has a password.", todo="Extract the file in it.")
        with archive.open(members[0]) as stream:
            return stream.read(MAX_BYTES + 1)


class Decoded(NamedTuple):
    """The text of a file and the name of its encoding."""

    text: str
    encoding: str


def decode(file: Path, data: bytes, encoding: str | None = None) -> Decoded:
    """Return the text; without an `encoding` it follows from a mark, from UTF-8, or from letters.

    Raises:
        SettingsError: the bytes are no text, no text in that encoding, or another format.

    """
    text, name = _decoded(file, data, encoding)
    # Old DOS programs end a file by Ctrl+Z.
    text = text.rstrip("\x1a").removeprefix("\ufeff")
    if _NO_TEXT.search(text, 0, _SAMPLE):
        raise SettingsError(f"{file} holds binary data, no text.", todo=SAVE_AS_CSV)
    for pattern, what in _OTHER_FORMATS:
        if pattern.match(text):
            raise SettingsError(f"{file} is {what}, no CSV.", todo=SAVE_AS_CSV)
    return Decoded(text, name)


def _decoded(file: Path, data: bytes, encoding: str | None) -> Decoded:
    if encoding is not None:
        try:
            return Decoded(data.decode(encoding), encoding)
        except LookupError:
            raise SettingsError(
                f"--encoding {encoding}: there is no such encoding.",
                todo="For example utf-8, utf-16, latin-1, cp1252 or mac_roman.",
            ) from None
        except UnicodeError as failure:
            raise SettingsError(f"{file} is not in {encoding}: {failure}.") from None
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(codec), name)
            except UnicodeError as failure:
                raise SettingsError(f"{file} begins as {name}, but: {failure}.") from None
    half = _half_empty(data[:_SAMPLE])
    if half:
        return Decoded(data.decode(half, "replace"), "UTF-16")
    try:
        return Decoded(data.decode("utf-8"), "UTF-8")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(
            _without_ascii_lines(data)[:_SAMPLE_BYTES], cp_isolation=_SINGLE_BYTE
        ).best()
    codec = best.encoding if best else _SINGLE_BYTE[0]
    return Decoded(data.decode(codec, "replace"), codec)


def _half_empty(data: bytes) -> str:
    """Return the codec of UTF-16 without a mark: every other byte of Latin letters is 0."""
    for codec, start in (("utf_16_le", 1), ("utf_16_be", 0)):
        high, low = data[start::2], data[1 - start :: 2]
        if high.count(0) > 0.9 * len(high) and low.count(0) < 0.1 * len(low):
            return codec
    return ""


def _without_ascii_lines(data: bytes) -> bytes:
    """Return the lines that hold other bytes than ASCII: only these distinguish encodings."""
    return b"\n".join(line for line in data.splitlines() if not line.isascii())
