"""The arithmetic of what an answer adds to the cost of the aggregates."""

from __future__ import annotations

import itertools

import pytest

from spaf.bench.throughput.drain import Drain
from spaf.bench.throughput.overhead import ALL, ALONE, JOBS, Overhead
from spaf.job.build import ANSWERS


def drains(*cpu_us: float, exact: bool = True) -> list[Drain]:
    """Return a drain of a million events for each cost."""
    return [Drain(1_000_000, 4.0, each, exact) for each in cpu_us]


def test_an_answer_adds_the_difference_of_the_medians() -> None:
    """One noisy round moves neither side."""
    found = Overhead({ALONE: drains(3.0, 2.9, 9.0), ALL: drains(5.0, 20.0, 5.5)})
    assert found.cpu_us(ALONE) == pytest.approx(3.0)
    assert found.added_us(ALL) == pytest.approx(2.5)


def test_one_drain_that_is_not_exact_spoils_all() -> None:
    """A cost of wrong answers is no figure."""
    assert Overhead({ALONE: drains(3.0)}).exact
    assert not Overhead({ALONE: drains(3.0), ALL: drains(1.0, exact=False)}).exact


def test_jobs_grow_from_the_aggregates_to_everything() -> None:
    """Each job writes what the one before writes, and more."""
    found = list(JOBS.values())
    assert found[0] == ("sales_summary",)
    assert set(found[-1]) == set(ANSWERS)
    assert all(set(less) < set(more) for less, more in itertools.pairwise(found))
