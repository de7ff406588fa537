"""When the memory of a process is flat at the end of a day."""

from __future__ import annotations

import pytest

from spaf.bench.scale.day import SAMPLES, ProcessMemory


def test_memory_that_grows_at_first_is_flat_at_the_end() -> None:
    """Caches fill in the first hours; what counts is the last part against the one before it."""
    memory = ProcessMemory.of([min(100.0, 10.0 * n) for n in range(SAMPLES)])
    assert memory.flat
    assert memory.growth_mib == 0
    assert len(memory.parts) == 6
    assert memory.parts[0] < memory.parts[1] == 100


@pytest.mark.parametrize(("mib", "flat"), [(1.0, False), (0.1, True)])
def test_memory_that_grows_to_the_end_is_not_flat(mib: float, *, flat: bool) -> None:
    """Of 200 MiB, more than 2 % in a part of the day."""
    memory = ProcessMemory.of([200.0 + mib * n for n in range(SAMPLES)])
    assert memory.flat is flat
    assert memory.growth_mib == pytest.approx(mib * 8, abs=0.1)


def test_one_high_sample_is_no_growth() -> None:
    """A part is represented by its median."""
    assert ProcessMemory.of([50.0] * (SAMPLES - 1) + [500.0]).flat


def test_growth_is_told_for_each_hour() -> None:
    """Of the last third of the day; 48 samples are two an hour."""
    memory = ProcessMemory.of([200.0 if n < 32 else 200.0 + n for n in range(SAMPLES)])
    assert memory.slope_mib == pytest.approx(2.0)
    assert memory.slope_text == "+2.00 ±0.00"
    assert ProcessMemory.of([200.0] * SAMPLES).slope_text == "+0.00 ±0.00"
