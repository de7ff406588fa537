"""Counted delays: exact quantiles, of all and of what came since."""

from __future__ import annotations

from spaf.generate.locust.histogram import Histogram


def test_quantiles_since() -> None:
    """Only what was added after the counts were taken counts; without anything new, nothing."""
    delays = Histogram()
    for value in range(1, 101):
        delays.add(value)
    earlier = delays.counts()
    assert delays.quantiles_since(earlier, (0.5, 0.99)) is None
    for value in (5, 1_000, 2_000):
        delays.add(value)
    assert delays.quantiles_since(earlier, (0.5, 1.0)) == [1_000, 2_000]
    assert delays.quantiles_since({}, (0.5,)) == [delays.quantile(0.5)] == [51]
