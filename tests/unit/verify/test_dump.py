"""A dump gives back what was written, whatever the bytes, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.errors import SettingsError, VerifyError
from spaf.sale import Record
from spaf.sale.record import RecordBatch
from spaf.verify import Detection, dump
from spaf.verify.dump import Dump

DETECTION = Detection(6, 5.0, 120, 4.5, ("books",))
Dumped = Callable[[Sequence[Record], Detection], Dump]


@given(st.none() | st.binary() | st.text().map(str.encode), st.integers(0, 2**60))
def test_a_line_gives_back_its_record(value: bytes | None, offset: int) -> None:
    """Any bytes, and a line is one line."""
    text = dump.encode_lines(RecordBatch(3, [offset], [1_763_800_000_000], [value]))
    assert text.count(b"\n") == 1
    part, place, append_ms, form, written = text.split(b"\t", 4)
    assert (int(part), int(place), int(append_ms)) == (3, offset, 1_763_800_000_000)
    assert dump.decode_value(form, written[:-1]) == value


@given(
    st.lists(
        st.sampled_from([None, b"", b"a", b"\t", b"\n\r", b"\x00", b"\xc3", b"\xa9", b"\xc3\xa9"])
    )
)
def test_a_file_gives_back_its_records(values: list[bytes | None]) -> None:
    """Also where the values of a batch have several forms, or one joined text is no valid UTF-8."""
    with TemporaryDirectory() as folder:
        written = Dump(Path(folder))
        records = [Record(1, offset, 7, value) for offset, value in enumerate(values)]
        written.write(1, 0, records)
        batches = list(dump.read(written.path(1, 0)))
    assert [value for batch in batches for value in batch.values] == values
    assert [offset for batch in batches for offset in batch.offsets] == [*range(len(values))]


def test_files_are_read_in_order(dumped: Dumped) -> None:
    """Of each partition by offset, ten before a hundred."""
    records = [Record(part, offset, 1, b"%d" % offset) for part in (0, 10) for offset in range(30)]
    made = dumped(records, DETECTION)
    found = [
        Record(batch.partition, *row)
        for file in made.files()
        for batch in dump.read(file.path)
        for row in zip(*batch[1:], strict=True)
    ]
    assert found == records
    assert [file.first_offset for file in made.files()] == [0, 7, 14, 21, 28] * 2
    header = made.header()
    assert (header.end, header.detection) == ({0: 30, 10: 30}, DETECTION)


def test_a_range_is_divided_into_files() -> None:
    """Each offset is in exactly one of them."""
    most = dump.FILE_RECORDS
    assert list(dump.file_ranges({0: 5}, {0: most + 10, 1: 0, 2: 1})) == [
        (0, 5, most + 5),
        (0, most + 5, most + 10),
        (2, 0, 1),
    ]


def test_a_folder_that_is_no_dump(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(SettingsError, match="not a complete dump"):
        Dump(tmp_path).header()


def test_a_dump_that_cannot_be_written(tmp_path: Path) -> None:
    """A file is where the folder should be."""
    (tmp_path / "here").touch()
    with pytest.raises(VerifyError, match="cannot be written"):
        Dump(tmp_path / "here").create()
    with pytest.raises(VerifyError, match="cannot be written"):
        Dump(tmp_path / "nowhere").write(0, 0, [])


def test_nothing_is_left(dumped: Dumped) -> None:
    """A second deletion is no error."""
    made = dumped([Record(0, 0, 1, b"{}")], DETECTION)
    made.delete()
    made.delete()
    assert not made.folder.exists()
