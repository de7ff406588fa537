"""The search for the highest rate that holds."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.bench.sustain.search import Bracket, highest
from spaf.generate.rate import MAX_RATE, MIN_RATE


@given(st.floats(1.0, 150_000.0), st.floats(1.0, 150_000.0), st.sampled_from([0.02, 0.1, 0.25]))
def test_the_bracket_holds_the_edge(edge: float, start: float, precision: float) -> None:
    """The first rate holds, the second fails, and they are close to each other."""
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return rate <= edge

    found = highest(holds, start, precision)
    assert found.holds is not None
    assert found.fails is not None
    assert found.holds <= edge < found.fails <= found.holds * (1 + precision) * 1.000_001
    # Doubling, then halving of one octave.
    assert len(tried) <= abs(log2(edge / start)) + 2 + log2(1 / log2(1 + precision)) + 2


@pytest.mark.parametrize("start", [MIN_RATE, 5.0, MAX_RATE])
def test_a_rate_that_always_holds_ends_at_the_upper_limit(start: float) -> None:
    """No higher one is tried."""
    assert highest(lambda _: True, start, 0.1) == Bracket(MAX_RATE, None)


@pytest.mark.parametrize("start", [MIN_RATE, 5.0, MAX_RATE])
def test_a_rate_that_never_holds_ends_at_the_lower_limit(start: float) -> None:
    """No lower one is tried."""
    assert highest(lambda _: False, start, 0.1) == Bracket(None, MIN_RATE)
