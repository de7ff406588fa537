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


@pytest.mark.parametrize(
    ("rate", "share"), [(100, 0.9), (1_000, 0.99), (1_000, 0.98), (1_000, 0.5)]
)
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
    [(4.9, 1.0, False), (5.1, 1.0, True), (9.0, 10.2, False), (-50.0, 1.0, False)],
)
def test_growth_is_beyond_its_error_and_beyond_a_share_of_the_rate(
    slope: float, half_width: float, *, grows: bool
) -> None:
    """0.5 % of 1,000 sales/s."""
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


def of_waits(rate: int, seconds: int, wait_us: Micros) -> LagSlope:
    """Return the slope of sales whose waits, in order, are given for each 10 ms."""
    due = np.arange(rate * seconds, dtype=np.int64) * 1_000_000 // rate
    latency = np.interp(due, np.arange(wait_us.size) * 10_000, wait_us).astype(np.int64)
    found = LagSlope.of(Stamps(due, due, due, due, due + latency, 0))
    assert found is not None
    return found


def drifting(rng: np.random.Generator, seconds: int) -> Micros:
    """Return waits of 40 ms that wander by some 10 ms and return within half a second."""
    steps = rng.normal(0, 2_000, seconds * 100)
    wait, waits = 0.0, np.empty(steps.size)
    for at, step in enumerate(steps):
        wait = 0.98 * wait + step
        waits[at] = 40_000 + wait
    return np.maximum(waits, 1_000).astype(np.int64)


@pytest.mark.parametrize("rate", [8_000, 32_000])
def test_a_noisy_lag_that_stays_level_holds(rate: int) -> None:
    """In the 8 s that a trial of 12 s measures, waits that hang together are no growth."""
    rng = np.random.default_rng(SEED)
    growing = sum(of_waits(rate, 8, drifting(rng, 8)).growth(rate) != "" for _ in range(50))
    assert growing <= 1


@pytest.mark.parametrize("rate", [8_000, 32_000])
def test_a_growth_of_one_percent_is_found_in_the_same_noise(rate: int) -> None:
    """The waits grow by 10 ms each second."""
    rng = np.random.default_rng(SEED)
    growth_us = np.arange(1_200) * 100
    growing = sum(
        of_waits(rate, 12, drifting(rng, 12) + growth_us).growth(rate) != "" for _ in range(50)
    )
    assert growing >= 48


@pytest.mark.parametrize("period_s", [1, 3, 5])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.7])
def test_a_sawtooth_holds(period_s: int, phase: float) -> None:
    """Checkpoints and fetches hold sales up for a tenth of a period, again and again."""
    at_s = np.arange(800) / 100
    since_s = (at_s + phase * period_s) % period_s
    hold_s = min(0.1 * period_s, 0.15)
    wait_us = 5_000 + np.maximum(hold_s - since_s, 0) * 1_000_000
    assert of_waits(16_000, 8, wait_us.astype(np.int64)).growth(16_000) == ""


def test_the_sales_of_the_warm_up_are_no_growth() -> None:
    """The first sales of the part that is measured find as many before them as the last ones."""
    rate, wait_us = 50_000, np.full(800, 600_000)
    found = of_waits(rate, 8, wait_us)
    assert abs(found.slope) < 0.0005 * rate
    assert found.half_width < 0.0005 * rate


def test_too_few_sales_have_no_slope() -> None:
    """No line goes through three values."""
    empty = np.array([], dtype=np.int64)
    assert LagSlope.of(Stamps(empty, empty, empty, empty, empty, 0)) is None
    one_second = sales(100, np.full(100 * SECONDS, 3_000))._only(np.arange(2_000) < 100)
    assert LagSlope.of(one_second) is None
