"""The lag of a run, from its sales, on known answers."""

from __future__ import annotations

import numpy as np
import pytest

from spaf.measure.lag import LagSlope
from spaf.measure.latency import Stamps
from spaf.measure.quantiles import Micros

SECONDS = 20
SEED = 7


def sales(rate: int, latency_us: Micros) -> Stamps:
    """Return sales on schedule that became visible after their latency."""
    due = np.arange(rate * SECONDS, dtype=np.int64) * (1_000_000 // rate)
    return Stamps(due, due, due, due, due + latency_us, 0)


@pytest.mark.parametrize("rate", [100, 1_000])
def test_a_constant_latency_has_a_level_lag(rate: int) -> None:
    """With what chance adds to each latency."""
    chance = np.random.default_rng(SEED)
    latency_us = 3_000 + (chance.exponential(2_000, rate * SECONDS)).astype(np.int64)
    found = LagSlope.of(sales(rate, latency_us))
    assert found is not None
    assert abs(found.slope) < 0.001 * rate
    assert found.growth(rate) == ""


@pytest.mark.parametrize(("rate", "share"), [(100, 0.9), (1_000, 0.98), (1_000, 0.5)])
def test_a_pipeline_that_is_too_slow_has_a_growing_lag(rate: int, share: float) -> None:
    """It takes a share of the rate: the rest of each second is added to the lag."""
    due = np.arange(rate * SECONDS, dtype=np.int64) * (1_000_000 // rate)
    found = LagSlope.of(sales(rate, (due / share).astype(np.int64) - due))
    assert found is not None
    assert found.slope == pytest.approx((1 - share) * rate, rel=0.02, abs=0.5)
    assert found.growth(rate) == f"the lag grows by {found.slope:,.1f} sales/s"


def test_one_stop_in_the_middle_does_not_count_as_growth() -> None:
    """A checkpoint or a collection holds sales up, and then they are done."""
    rate = 1_000
    due = np.arange(rate * SECONDS, dtype=np.int64) * 1_000
    stop = (due > 9_000_000) & (due < 9_400_000)
    latency_us = np.where(stop, 9_400_000 - due, 0) + 3_000
    found = LagSlope.of(sales(rate, latency_us))
    assert found is not None
    assert found.growth(rate) == ""


@pytest.mark.parametrize("seed", range(20))
def test_a_lag_that_hangs_together_does_not_grow(seed: int) -> None:
    """Waves of latency of some seconds, as checkpoints and collections make them."""
    rate = 1_000
    due = np.arange(rate * SECONDS, dtype=np.int64) * 1_000
    start = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    waves = 20_000 + 15_000 * np.sin(due / 1_000_000 * 2 * np.pi / 7 + start)
    found = LagSlope.of(sales(rate, waves.astype(np.int64)))
    assert found is not None
    assert found.growth(rate) == ""


@pytest.mark.parametrize(
    ("slope", "half_width", "grows"),
    [(9.9, 1.0, False), (10.1, 1.0, True), (10.1, 10.2, False), (-50.0, 1.0, False)],
)
def test_growth_is_beyond_its_error_and_beyond_a_share_of_the_rate(
    slope: float, half_width: float, *, grows: bool
) -> None:
    """1 % of 1,000 sales/s."""
    assert bool(LagSlope(slope, half_width).growth(1_000)) is grows


def test_neighbours_that_are_alike_widen_the_interval() -> None:
    """The same values in another order tell more about the slope than in waves."""
    rate = 1_000
    count = rate * SECONDS
    due = np.arange(count, dtype=np.int64) * 1_000
    held = np.where(due // 2_000_000 % 2 == 0, 40_000, 5_000)
    mixed = np.random.default_rng(SEED).permutation(held.reshape(-1, 500)).reshape(-1)
    in_waves, in_disorder = LagSlope.of(sales(rate, held)), LagSlope.of(sales(rate, mixed))
    assert in_waves is not None
    assert in_disorder is not None
    assert in_waves.half_width > 1.3 * in_disorder.half_width


def test_too_few_sales_have_no_slope() -> None:
    """No line goes through three values."""
    empty = np.array([], dtype=np.int64)
    assert LagSlope.of(Stamps(empty, empty, empty, empty, empty, 0)) is None
    one_second = sales(100, np.full(100 * SECONDS, 3_000))._only(np.arange(2_000) < 100)
    assert LagSlope.of(one_second) is None
