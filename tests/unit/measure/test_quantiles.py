"""Quantiles: exact, of every value."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.measure.quantiles import Quantiles, quantiles

HOUR_US = 3_600_000_000
durations = st.lists(st.integers(-HOUR_US, HOUR_US), min_size=1, max_size=300)


def exact(values: list[int], share: Fraction) -> float:
    """Return the smallest value that at least this share do not exceed, milliseconds."""
    rank = -(-share * len(values) // 1)
    return sorted(values)[int(rank) - 1] / 1000


@given(durations)
def test_quantiles_are_those_of_the_sorted_values(values: list[int]) -> None:
    """No value is left out and none is invented between two others."""
    found = quantiles(np.array(values, dtype=np.int64))
    assert found == Quantiles(
        count=len(values),
        negative=sum(value < 0 for value in values),
        p50=exact(values, Fraction(50, 100)),
        p90=exact(values, Fraction(90, 100)),
        p99=exact(values, Fraction(99, 100)),
        max=max(values) / 1000,
        mean=round(float(np.mean(values)) / 1000, 3),
    )


@pytest.mark.parametrize("size", [1, 2, 10, 99, 100, 101, 1_000, 99_999, 100_000])
def test_ranks_are_exact_at_every_size(size: int) -> None:
    """At whole ranks a rounding error would pick the neighbour."""
    values = list(range(1_000, 1_000 * (size + 1), 1_000))
    found = quantiles(np.array(values[::-1], dtype=np.int64))
    assert found is not None
    expected = [exact(values, Fraction(p, 100)) for p in (50, 90, 99, 100)]
    assert [found.p50, found.p90, found.p99, found.max] == expected


def test_no_values_have_no_quantiles() -> None:
    """Nothing measured is not zero."""
    assert quantiles(np.array([], dtype=np.int64)) is None


def test_negative_values_are_counted_and_kept() -> None:
    """A clock that stepped back is shown, not hidden."""
    found = quantiles(np.array([-5_000, -1_000, 0, 7_000], dtype=np.int64))
    assert found == Quantiles(4, 2, -1.0, 7.0, 7.0, 7.0, 0.25)
    assert msgspec.to_builtins(found) == {
        "count": 4,
        "negative": 2,
        "p50": -1.0,
        "p90": 7.0,
        "p99": 7.0,
        "max": 7.0,
        "mean": 0.25,
    }
