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
    assert not found.grows


@pytest.mark.parametrize(("rate", "share"), [(100, 0.9), (1_000, 0.98), (1_000, 0.5)])
def test_a_pipeline_that_is_too_slow_has_a_growing_lag(rate: int, share: float) -> None:
    """It takes a share of the rate: the rest of each second is added to the lag."""
    due = np.arange(rate * SECONDS, dtype=np.int64) * (1_000_000 // rate)
    found = LagSlope.of(sales(rate, (due / share).astype(np.int64) - due))
    assert found is not None
    assert found.slope == pytest.approx((1 - share) * rate, rel=0.02, abs=0.5)
    assert found.grows


def test_one_stop_in_the_middle_does_not_count_as_growth() -> None:
    """A checkpoint or a collection holds sales up, and then they are done."""
    rate = 1_000
    due = np.arange(rate * SECONDS, dtype=np.int64) * 1_000
    stop = (due > 9_000_000) & (due < 9_400_000)
    latency_us = np.where(stop, 9_400_000 - due, 0) + 3_000
    found = LagSlope.of(sales(rate, latency_us))
    assert found is not None
    assert not found.grows


def test_too_few_sales_have_no_slope() -> None:
    """No line goes through three values."""
    empty = np.array([], dtype=np.int64)
    assert LagSlope.of(Stamps(empty, empty, empty, empty, empty, 0)) is None
    one_second = sales(100, np.full(100 * SECONDS, 3_000))._only(np.arange(2_000) < 100)
    assert LagSlope.of(one_second) is None
