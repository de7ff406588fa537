"""Surroundings of every unit test: no settings from outside reach it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in an empty folder without any SPAF_* variable; return the folder."""
    for name in [name for name in os.environ if name.startswith("SPAF_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
