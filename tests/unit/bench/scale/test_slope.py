"""The exponent of a power law, and its spread."""

from __future__ import annotations

import pytest

from spaf.bench.scale.slope import Slope


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_slope_of_a_power_is_its_exponent(exponent: float) -> None:
    """Whatever the unit of the figure."""
    levels = (10, 100, 1_000)
    slope = Slope.of(levels, [[7.0 * level**exponent for level in levels]])
    assert slope == Slope(exponent, exponent, exponent)


def test_spread_is_that_of_the_repeats() -> None:
    """The median, the least and the greatest exponent."""
    repeats = [[1.0, 10.0], [1.0, 1.0], [1.0, 100.0]]
    slope = Slope.of((10, 100), repeats)
    assert slope == Slope(1.0, 0.0, 2.0)
    assert str(slope) == "+1.00 (+0.00 to +2.00)"


def test_a_figure_that_is_missing_or_zero_is_left_out() -> None:
    """The rest still has a slope; a single level has none."""
    assert Slope.of((1, 10, 100), [[0.0, 5.0, 50.0]]) == Slope(1.0, 1.0, 1.0)
    assert Slope.of((1, 10), [[None, 5.0]]) is None
    assert Slope.of((1,), [[5.0]]) is None
    assert Slope.of((1, 10), []) is None
