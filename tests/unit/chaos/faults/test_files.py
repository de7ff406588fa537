"""Faults of files: a torn log, and damaged checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spaf.chaos.faults import checkpoints
from spaf.chaos.faults.kafka_log import TORN_BYTES, newest_segments, tear
from spaf.errors import StackError
from spaf.job.checkpoint import METADATA, newest_complete

NOW_S = 1_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with three checkpoints of a job; the last one is the newest."""
    for number in (1, 2, 3):
        one = tmp_path / "plan" / "job" / f"chk-{number}"
        one.mkdir(parents=True)
        for name, size in ((METADATA, 2_000), ("state", 9_000), ("small", 10)):
            (one / name).write_bytes(b"\0" * size)
        os.utime(one / METADATA, (NOW_S + number, NOW_S + number))
    return tmp_path


def resumed(folder: Path) -> str | None:
    """Return the checkpoint from which the job would start."""
    found = newest_complete(folder / "plan", NOW_S + 10)
    return None if found is None else found.name


def test_a_checkpoint_without_metadata_is_passed_over(folder: Path) -> None:
    """The next older one is complete."""
    assert resumed(folder) == "chk-3"
    checkpoints.delete_metadata(folder)
    assert resumed(folder) == "chk-2"


def test_only_the_newest_checkpoint_is_damaged(folder: Path) -> None:
    """Its size stays, so that only its content tells."""
    checkpoints.damage_metadata(folder)
    checkpoints.damage_state(folder)
    newest, older = (folder / "plan/job" / name for name in ("chk-3", "chk-2"))
    for name, size in ((METADATA, 2_000), ("state", 9_000)):
        assert checkpoints.GARBAGE in (newest / name).read_bytes()
        assert (newest / name).stat().st_size == size
        assert checkpoints.GARBAGE not in (older / name).read_bytes()
    assert checkpoints.GARBAGE not in (newest / "small").read_bytes()


def test_all_checkpoints_are_deleted(folder: Path) -> None:
    """The folder itself stays; a second time there is nothing to damage."""
    checkpoints.delete_all(folder)
    assert folder.exists()
    assert resumed(folder) is None
    with pytest.raises(StackError, match="no checkpoint yet"):
        checkpoints.damage_metadata(folder)


def test_a_torn_log_keeps_what_it_held(tmp_path: Path) -> None:
    """Only the newest segment of each partition is torn, behind its last byte."""
    for partition in (0, 1):
        folder = tmp_path / "data" / f"sales-{partition}"
        folder.mkdir(parents=True)
        for name in ("00000000000000000000.log", "00000000000000000500.log"):
            (folder / name).write_bytes(bytes(range(250)) * 10)
    (tmp_path / "data" / "sales-other").mkdir()
    segments = newest_segments(tmp_path, "sales")
    assert sorted(path.parent.name for path in segments) == ["sales-0", "sales-1"]
    for segment in segments:
        before = segment.read_bytes()
        tear(segment)
        assert segment.read_bytes() == before + before[:TORN_BYTES]
        older = segment.with_name("00000000000000000000.log")
        assert older.read_bytes() == before
