r"""A dump: the topic as text files, which both oracles read.

A dump is a folder. `dump.json` describes the range and the rules; each `PARTITION-FIRSTOFFSET.tsv`
holds consecutive records of one partition in offset order, one record a line:

    partition ⇥ offset ⇥ append time, epoch ms ⇥ form ⇥ value

The form is `t` for UTF-8 without the four characters that a line cannot hold, written as it is;
`x` for all other values, written in hexadecimal digits; `n` for a tombstone.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from spaf.errors import SettingsError, VerifyError
from spaf.sale import Record, Rules
from spaf.sale.record import BATCH_RECORDS, RecordBatch, batches
from spaf.verify.detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FORMAT = 1
HEADER = "dump.json"
# Size of the write buffer: large enough to make the calls cheap.
BUFFER_BYTES = 1 << 20
# Characters that separate columns or lines, or that a reader of text files does not accept.
NUL, TAB, LINE_FEED, CARRIAGE_RETURN = 0, 9, 10, 13
# Records of a file: a process takes one file at a time, and a dozen keep two processes evenly busy.
FILE_RECORDS = 400_000


class DumpHeader(msgspec.Struct, frozen=True):
    """The content of a dump: its range, and the rules of the job of that run."""

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
        """Store the folder; nothing is read yet."""
        self.folder = folder

    def create(self) -> None:
        """Create the folder, readable by its owner only, because sales may name customers.

        Raises:
            VerifyError: the folder cannot be created.

        """
        with explained_os_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write_header(self, header: DumpHeader) -> None:
        """Write the header, which makes the dump complete.

        Raises:
            VerifyError: the disk is full, or the folder cannot be written.

        """
        self.create()
        with explained_os_errors(self.folder):
            (self.folder / HEADER).write_bytes(msgspec.json.format(msgspec.json.encode(header)))

    def header(self) -> DumpHeader:
        """Return the header.

        Raises:
            SettingsError: the folder is no complete dump, or has another format.

        """
        try:
            return msgspec.json.decode((self.folder / HEADER).read_bytes(), type=DumpHeader)
        except (OSError, msgspec.MsgspecError) as error:
            raise SettingsError(
                f"{self.folder} is not a complete dump: {error}.",
                todo="Make one with `spaf verify --keep-dump`; it prints the folder's name.",
            ) from None

    def files(self) -> list[DumpFile]:
        """Return the files, in the order of partitions and offsets."""
        dump_files = []
        for path in self.folder.glob("*-*.tsv"):
            partition, offset = path.stem.split("-")
            dump_files.append(DumpFile(int(partition), int(offset), path))
        return sorted(dump_files)

    def path(self, partition: int, offset: int) -> Path:
        """Return the path of the file that begins at an offset."""
        return self.folder / f"{partition}-{offset:020}.tsv"

    def write(self, partition: int, offset: int, records: Iterable[Record]) -> None:
        """Write consecutive records of a partition to the file that begins at `offset`.

        Raises:
            VerifyError: the disk is full, or the folder cannot be written.

        """
        for _ in self.write_through(partition, offset, batches(records)):
            pass

    def write_through(
        self, partition: int, offset: int, records: Iterable[RecordBatch]
    ) -> Iterator[RecordBatch]:
        """Write records as `write` does, and yield each batch after it was written.

        Raises:
            VerifyError: the disk is full, or the folder cannot be written.

        """
        with (
            explained_os_errors(self.folder),
            self.path(partition, offset).open("wb", BUFFER_BYTES) as file,
        ):
            for batch in records:
                file.write(encode_lines(batch))
                yield batch

    def delete(self) -> None:
        """Delete the folder and its files."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def explained_os_errors(folder: Path) -> Iterator[None]:
    """Convert an error of the file system into one that says what to do.

    Raises:
        VerifyError: a file in the folder cannot be written.

    """
    try:
        yield
    except OSError as error:
        raise VerifyError(
            f"The dump of the topic in {folder} cannot be written: {error.strerror}.",
            todo="The dump needs as much disk space as the topic, about 400 bytes a sale."
            " Set SPAF_HOME to a folder on another disk.",
        ) from None


def encode_lines(batch: RecordBatch) -> bytes:
    """Return records as lines of the dump."""
    partition, *columns = batch
    if None not in batch.values:
        values = cast("Sequence[bytes]", batch.values)
        # The space keeps apart the bytes of two values, which together may be a character.
        if is_plain_text(b" ".join(values)):
            # One call of `%` takes half the time of one for each line.
            line = b"%d\t%%d\t%%d\tt\t%%b\n" % partition
            return line * len(values) % tuple(chain.from_iterable(zip(*columns, strict=True)))
    return b"".join(map(encode_line, repeat(partition), *columns))


def encode_line(partition: int, offset: int, append_ms: int, value: bytes | None) -> bytes:
    """Return a record as a line of the dump."""
    if value is None:
        return b"%d\t%d\t%d\tn\t\n" % (partition, offset, append_ms)
    if is_plain_text(value):
        return b"%d\t%d\t%d\tt\t%b\n" % (partition, offset, append_ms, value)
    return b"%d\t%d\t%d\tx\t%b\n" % (partition, offset, append_ms, value.hex().encode())


def is_plain_text(value: bytes) -> bool:
    """Return whether a value can be a part of a line of text as it is."""
    # Searching for an integer is ten times as fast as searching for a bytes object.
    if LINE_FEED in value or TAB in value or CARRIAGE_RETURN in value or NUL in value:
        return False
    if value.isascii():
        return True
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def read(path: Path) -> Iterator[RecordBatch]:
    """Yield the records of a file in batches."""
    partition = int(path.stem.partition("-")[0])
    with path.open("rb") as file:
        while lines := list(islice(file, BATCH_RECORDS)):
            _, offsets, append_ms, forms, texts = zip(
                *(line.split(b"\t", 4) for line in lines), strict=True
            )
            values = [text[:-1] for text in texts]
            if {*forms} != {b"t"}:
                values = [*map(decode_value, forms, values)]
            yield RecordBatch(partition, [*map(int, offsets)], [*map(int, append_ms)], values)


def decode_value(form: bytes, value: bytes) -> bytes | None:
    """Return the value of a record by its form and the text in the dump."""
    if form == b"t":
        return value
    return None if form == b"n" else bytes.fromhex(value.decode())


def file_ranges(begin: Mapping[int, int], end: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield (partition, first, stop) of the files that a range is divided into."""
    for partition, stop in end.items():
        first = begin.get(partition, 0)
        for start in range(first, stop, FILE_RECORDS):
            yield partition, start, min(start + FILE_RECORDS, stop)
