"""Surroundings of every unit test: no settings from outside reach it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.scale import scaled

# A deadline for each example would measure what else the machine does meanwhile.
settings.register_profile("unit", deadline=None, max_examples=scaled(50, 1_000))
settings.load_profile("unit")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in an empty folder without any SPAF_* variable; return the folder."""
    for name in [name for name in os.environ if name.startswith("SPAF_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
