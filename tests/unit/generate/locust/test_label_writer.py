"""Labels reach their file, also if the disk was full meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from spaf.generate.locust import status_file
from spaf.generate.locust.label_writer import LabelWriter
from spaf.generate.locust.protocol import LoadStatus


class FullFile:
    """A file that takes a part of what is written, then nothing, then everything."""

    def __init__(self) -> None:
        """Start empty."""
        self.content = b""
        self._takes: list[int | None] = [3, 0, None]

    def write(self, data: bytes) -> int:
        """Take as much as there is space for."""
        takes = self._takes.pop(0) if self._takes else None
        if takes == 0:
            raise OSError(28, "No space left on device")
        self.content += data[:takes]
        return len(data[:takes])


def test_each_label_is_a_line(tmp_path: Path) -> None:
    """A reader follows the file while sales go on."""
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"1\n")
    with closing(LabelWriter(path)) as labels:
        for value in (2, 3):
            labels.append(cast("Any", value))
            assert path.read_bytes().endswith(b"%d\n" % value)
    assert path.read_bytes() == b"1\n2\n3\n"


def test_no_label_is_lost_on_a_full_disk(tmp_path: Path) -> None:
    """One that was written in part is completed before the next one."""
    labels, file = LabelWriter(tmp_path / "labels.jsonl"), FullFile()
    labels.close()
    labels._file = cast("Any", file)
    for value in ("first", "second", "third"):
        labels.append(cast("Any", value))
    assert file.content == b'"first"\n"second"\n"third"\n'


def test_a_status_that_the_disk_refuses_ends_nothing(tmp_path: Path) -> None:
    """The thread that writes it reports its end to a session that waits for it."""
    status = LoadStatus("running", 1, 10.0, 1, 1, 0)
    status_file.write(tmp_path / "none" / "x.status", status)
    with pytest.raises(FileNotFoundError):
        (tmp_path / "none").stat()
