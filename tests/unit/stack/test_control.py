"""What `up` and `down` look at before they touch anything."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.state import RunFolder


def test_wipe_deletes_what_spaf_has_made(bare: Path) -> None:
    """The whole folder, and nothing beside it."""
    home = RunFolder(bare / "run")
    home.create()
    (bare / "beside").touch()
    assert not control.down(Settings(home=home.folder), wipe=True)
    assert [p.name for p in bare.iterdir()] == ["beside"]


def test_wipe_deletes_nothing_of_anybody_else(bare: Path) -> None:
    """A slip in SPAF_HOME costs nobody a folder."""
    thesis = bare / "work" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.touch()
    with pytest.raises(StackError, match="SPAF did not make it"):
        control.down(Settings(home=thesis.parent), wipe=True)
    assert thesis.exists()


def test_wipe_of_no_folder_is_fine(bare: Path) -> None:
    """What was asked is true."""
    assert not control.down(Settings(home=bare / "none"), wipe=True)


def test_too_little_space_is_told_with_the_folder(bare: Path) -> None:
    """The disk is that of the nearest folder that is there."""
    home = RunFolder(bare / "none" / "yet")
    control.require_space(home, 0)
    much = shutil.disk_usage(bare).total // 2**20 + 1
    with pytest.raises(StackError, match=rf"{bare}; {much} MiB are needed") as caught:
        control.require_space(home, much)
    assert "SPAF_HOME" in caught.value.todo
