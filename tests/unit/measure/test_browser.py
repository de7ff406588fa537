"""Which browser is used, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf.errors import BrowserError
from spaf.measure.browser import PROGRAMS, find


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the search path of programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str) -> Path:
    """Make a program."""
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_free_browser_comes_first(programs: Path) -> None:
    """Of several that are installed."""
    made = [program(programs, name) for name in reversed(PROGRAMS)]
    assert find(None) == made[-1] == programs / "chromium"


def test_a_browser_can_be_named(programs: Path, tmp_path: Path) -> None:
    """By its name or by its path."""
    program(programs, "chromium")
    mine = program(programs, "my-browser")
    assert find("my-browser") == mine
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find(str(program(elsewhere, "b"))) == elsewhere / "b"


@pytest.mark.parametrize("wanted", [None, "my-browser", "/no/such/browser"])
def test_without_a_browser_the_package_is_named(programs: Path, wanted: str | None) -> None:
    """One sentence, and what to install."""
    assert list(programs.iterdir()) == []
    with pytest.raises(BrowserError) as refused:
        find(wanted)
    assert wanted is None or wanted in refused.value.what
    assert "apt-get install chromium" in refused.value.todo
    assert "SPAF_SERVE__BROWSER" in refused.value.todo
