"""Whole files: the old content or the new, whatever happens in between."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Never

import pytest

from spaf.files import SECRET_MODE, write_atomically


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_with_its_mode(tmp_path: Path, *, durable: bool) -> None:
    """A secret stays readable by its owner only, and no other file is left."""
    path = tmp_path / "a.json"
    write_atomically(path, b"one", durable=durable)
    path.chmod(0o644)
    write_atomically(path, b"two", mode=SECRET_MODE, durable=durable)
    assert (path.read_bytes(), mode(path)) == (b"two", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_closed_to_others_from_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary file has the mode of the final one before anything is written to it."""
    seen: list[int] = []

    def look(_: int) -> None:
        seen.extend(mode(file) for file in tmp_path.iterdir())

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(tmp_path / "secret", b"x", mode=SECRET_MODE, durable=True)
    assert set(seen) == {0o600}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller gets the OSError, and no part of the new content is left."""

    def full(_: int) -> Never:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.json"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new", durable=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
