r"""The topic written down once, as text files that both formulations read, and a person too.

A dump is a folder: `dump.json` says of what, each `PARTITION-FIRSTOFFSET.tsv` holds a stretch of
one partition in offset order, one record a line:

    partition ⇥ offset ⇥ append time, epoch ms ⇥ form ⇥ value

The form is `t`, and the value stands as it came, if it is UTF-8 without the four characters that
a line cannot hold; `x`, and the value is in hexadecimal digits, for all others; `n`, a tombstone.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spaf.errors import SettingsError, VerifyError
from spaf.sale import Record, Rules
from spaf.verify.detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FORMAT = 1
ABOUT = "dump.json"
# What is written at a time: enough to make the call cheap.
BUFFER_BYTES = 1 << 20
# What no reader of lines and columns takes as it is.
NUL, TAB, LINE_FEED, CARRIAGE_RETURN = 0, 9, 10, 13
# Records of a stretch: a process takes one at a time, and a dozen keep two of them evenly busy.
STRETCH_RECORDS = 400_000


class DumpHeader(msgspec.Struct, frozen=True):
    """What a dump is of: the range, and what the job of that run had been told."""

    topic: str
    begin: dict[int, int]
    """For each partition the first offset of the log."""
    end: dict[int, int]
    """For each partition the first offset that the dump does not hold."""
    rules: Rules
    detection: Detection
    format: int = FORMAT


class DumpFile(NamedTuple):
    """A file of the dump."""

    partition: int
    first_offset: int
    path: Path


class Dump:
    """A folder with the records of a topic."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder; nothing is read yet."""
        self.folder = folder

    def create(self) -> None:
        """Make the folder, readable by us only: sales may name customers.

        Raises:
            VerifyError: it cannot be made.

        """
        with explained_os_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def describe(self, about: DumpHeader) -> None:
        """Write down what the dump is of; it is complete with this.

        Raises:
            VerifyError: the disk is full, or the folder cannot be written.

        """
        self.create()
        with explained_os_errors(self.folder):
            (self.folder / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)))

    def about(self) -> DumpHeader:
        """Return what the dump is of.

        Raises:
            SettingsError: the folder is no dump, or one of another version.

        """
        try:
            return msgspec.json.decode((self.folder / ABOUT).read_bytes(), type=DumpHeader)
        except (OSError, msgspec.MsgspecError) as error:
            raise SettingsError(
                f"{self.folder} is not a complete dump: {error}.",
                todo="Make one with `spaf verify --keep-dump`; it prints the folder's name.",
            ) from None

    def stretches(self) -> list[DumpFile]:
        """Return the files, in the order of partitions and offsets."""
        found = []
        for path in self.folder.glob("*-*.tsv"):
            partition, offset = path.stem.split("-")
            found.append(DumpFile(int(partition), int(offset), path))
        return sorted(found)

    def path(self, partition: int, offset: int) -> Path:
        """Return the file of the stretch that begins there."""
        return self.folder / f"{partition}-{offset:020}.tsv"

    def write(self, partition: int, offset: int, records: Iterable[Record]) -> None:
        """Write a stretch, whose first offset may be `offset`.

        Raises:
            VerifyError: the disk is full, or the folder cannot be written.

        """
        for _ in self.written(partition, offset, records):
            pass

    def written(self, partition: int, offset: int, records: Iterable[Record]) -> Iterator[Record]:
        """Write a stretch, whose first offset may be `offset`; yield each record once it is in.

        Raises:
            VerifyError: the disk is full, or the folder cannot be written.

        """
        with (
            explained_os_errors(self.folder),
            self.path(partition, offset).open("wb", BUFFER_BYTES) as file,
        ):
            for record in records:
                file.write(line(record))
                yield record

    def delete(self) -> None:
        """Delete the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class explained_os_errors:  # noqa: N801 - it reads as a word in a with statement
    """Turns an error of the file system into one that a user can act on."""

    def __init__(self, folder: Path) -> None:
        """Keep what is being written."""
        self._folder = folder

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Name the folder and what to do."""
        if isinstance(error, OSError):
            raise VerifyError(
                f"The dump of the topic in {self._folder} cannot be written: {error.strerror}.",
                todo="It needs about as much room as the sales in the topic, about 400 bytes each;"
                " SPAF_HOME names another folder.",
            ) from None


def line(record: Record) -> bytes:
    """Return a record as a line of the dump."""
    partition, offset, append_ms, value = record
    if value is None:
        return b"%d\t%d\t%d\tn\t\n" % (partition, offset, append_ms)
    if is_line(value):
        return b"%d\t%d\t%d\tt\t%b\n" % (partition, offset, append_ms, value)
    return b"%d\t%d\t%d\tx\t%b\n" % (partition, offset, append_ms, value.hex().encode())


def is_line(value: bytes) -> bool:
    """Tell whether a value can stand in a line of text as it is."""
    # A byte as a number is found ten times as fast as one as text.
    if LINE_FEED in value or TAB in value or CARRIAGE_RETURN in value or NUL in value:
        return False
    if value.isascii():
        return True
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def read(path: Path) -> Iterator[tuple[int, int, int, bytes | None]]:
    """Yield the records of a stretch, all of one partition: partition, offset, append_ms, value."""
    here = int(path.stem.partition("-")[0])
    with path.open("rb") as file:
        for text in file:
            _, offset, append_ms, form, value = text.split(b"\t", 4)
            if form == b"t":
                yield here, int(offset), int(append_ms), value[:-1]
            else:
                yield here, int(offset), int(append_ms), unwritten(form, value)


def unwritten(form: bytes, value: bytes) -> bytes | None:
    """Return a value that is not written as it came."""
    return None if form == b"n" else bytes.fromhex(value.decode())


def parts(begin: Mapping[int, int], end: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield (partition, first, stop) of the stretches that a range is cut into."""
    for partition, stop in end.items():
        first = begin.get(partition, 0)
        for start in range(first, stop, STRETCH_RECORDS):
            yield partition, start, min(start + STRETCH_RECORDS, stop)
