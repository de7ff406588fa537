"""Samples of a long run are those of its processes and folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spaf.chaos import growth
from spaf.chaos.fault import Scene
from spaf.chaos.growth import DISK, FILES, MEMORY, GrowthSampler, folder_sizes, sampled

MakeScene = Callable[..., Scene]


def test_each_process_has_memory_and_files(make_scene: MakeScene) -> None:
    """The supervisor is counted without the services that are its children."""
    state = make_scene("kafka", "serve").run.state()
    figures = sampled(state)
    assert set(figures) == {"supervisor", "kafka", "serve"}
    for values in figures.values():
        assert 1 < values[MEMORY] < 200
        assert values[FILES] >= 3


def test_a_folder_has_the_size_of_its_files(tmp_path: Path) -> None:
    """Of all folders below it."""
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "data" / "log").write_bytes(b"\1" * 2**20)
    (tmp_path / "logs").mkdir()
    sizes = folder_sizes(tmp_path)
    assert sizes["kafka"] == pytest.approx(1.0, abs=0.1)
    assert sizes["logs"] == 0.0


def test_a_sampler_samples_only_a_soak(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what has enough samples."""
    monkeypatch.setattr(growth, "SAMPLE_S", 0.0)
    home = make_scene("kafka").run.home
    for active in (False, True):
        sampler = GrowthSampler(home, active=active)
        for _ in range(growth.MIN_SAMPLES):
            sampler.sample_if_due()
        names = {(growth.name, growth.figure) for growth in sampler.growth()}
        assert bool(names) is active
    assert {("kafka", MEMORY), ("kafka", FILES), ("logs", DISK)} <= names
