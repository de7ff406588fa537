"""The exponent of a power law, and its uncertainty."""

from __future__ import annotations

import pytest

from spaf.bench.scale.slope import Slope


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_slope_of_a_power_is_its_exponent(exponent: float) -> None:
    """Whatever the unit of the figure; without deviations the interval has no width."""
    levels = (10, 100, 1_000)
    slope = Slope.of(levels, [[7.0 * level**exponent] * 2 for level in levels])
    assert slope is not None
    assert slope.exponent == pytest.approx(exponent)
    assert slope.half_width == pytest.approx(0.0)


def test_interval_is_that_of_a_line_of_least_squares() -> None:
    """Two levels, two visits: the error is that of a difference of means, 4.30 for two degrees."""
    slope = Slope.of((1, 10), [[1.0, 1.21], [10.0, 12.1]])
    assert slope is not None
    assert slope.exponent == pytest.approx(1.0)
    # Four deviations of log(1.1), over two degrees; log(10)/2 on both sides of the mean.
    assert slope.half_width == pytest.approx(4.30 * 0.09531 * 2**0.5 / 2.302585, abs=0.001)
    assert str(slope) == "+1.00 ±0.25"


@pytest.mark.parametrize(
    ("figures", "growing"),
    [
        ([[10.0, 10.1], [10.2, 10.1]], "flat"),
        ([[10.0, 10.1], [15.0, 15.1]], "grows"),
        ([[10.0, 10.1], [7.0, 6.9]], "falls"),
        ([[10.0, 20.0], [15.0, 12.0]], "unclear"),
    ],
)
def test_growth_is_told_only_if_the_interval_says_so(
    figures: list[list[float]], growing: str
) -> None:
    """Flat is less than a tenth in the exponent with certainty."""
    slope = Slope.of((1, 10), figures)
    assert slope is not None
    assert slope.growing == growing


def test_one_visit_has_no_uncertainty() -> None:
    """So nothing is sure, even if three levels do not lie on a line."""
    assert Slope.of((1, 10, 100), [[1.0], [1.1], [1.3]]) == Slope(0.057, None, "unclear")


def test_a_figure_that_is_missing_or_zero_is_left_out() -> None:
    """The rest still has a slope; a single level has none."""
    assert Slope.of((1, 10, 100), [[0.0], [5.0], [50.0]]) == Slope(1.0, None, "unclear")
    assert Slope.of((1, 10), [[], [5.0]]) is None
    assert Slope.of((1,), [[5.0]]) is None
    assert Slope.of((), []) is None
    assert str(Slope(-0.001, None, "unclear")) == "+0.00"
