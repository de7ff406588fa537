"""The bound of the delay of droughts, against simulated silences."""

from __future__ import annotations

from math import log
from random import Random
from statistics import mean, median

import pytest

from spaf.bench.detection.least_delay import (
    drought_delays,
    least_median_s,
    max_silence_s,
    table,
)
from spaf.bench.detection.score import EpisodeDelay

RATES = {"books": 2.0, "toys": 5.0}


def simulated_alert_s(rng: Random, rate: float, silence_s: float) -> float:
    """Return when a category that goes on to sell is silent for so long for the first time."""
    now_s = 0.0
    while (gap_s := rng.expovariate(rate)) < silence_s:
        now_s += gap_s
    return now_s + silence_s


def test_false_alerts_are_as_rare_as_asked_for() -> None:
    """The mean time to the first silence of the limit."""
    rng = Random(1)  # noqa: S311 - a simulation
    silence_s = max_silence_s(2.0, 100.0)
    times_s = [simulated_alert_s(rng, 2.0, silence_s) for _ in range(2_000)]
    assert mean(times_s) == pytest.approx(100.0, rel=0.1)


@pytest.mark.parametrize("rates", [[2.0], [5.0], [2.0, 5.0], [2.0, 2.0, 5.0]])
def test_the_median_is_that_of_simulated_droughts(rates: list[float]) -> None:
    """The silence begins with the last sale before the drought."""
    rng = Random(2)  # noqa: S311 - a simulation
    delays_s = [
        max(max_silence_s(rate, 1e5) - rng.expovariate(rate), 0)
        for rate in rates
        for _ in range(4_000)
    ]
    assert least_median_s(rates, 1e5) == pytest.approx(median(delays_s), rel=0.02)


def test_one_rate_has_a_formula() -> None:
    """Half of the droughts begin later than ln 2 / rate after the last sale."""
    assert least_median_s([4.0], 1e6) == pytest.approx(log(1 + 4e6) / 4 - log(2) / 4)


def test_each_category_and_all_have_a_row() -> None:
    """The limit of a category is for its part of the false alerts; no drought, no delay."""
    books, toys, every = drought_delays([EpisodeDelay(4_000, "toys")] * 3, RATES)
    assert (books.category, books.found, books.delay_ms_p50) == ("books", 0, None)
    assert books.least_delay_ms_p50 is None
    assert (toys.sales_per_s, toys.found, toys.delay_ms_p50) == (5.0, 3, 4_000)
    assert toys.least_delay_ms_p50 == pytest.approx(1e3 * least_median_s([5.0], 2 * 86_400))
    assert (every.category, every.sales_per_s, every.found) == ("all", 7.0, 3)
    assert every.least_delay_ms_p50 == toys.least_delay_ms_p50
    assert table([books, toys]).rows[0] == ("books", "2.0", 0, "", "")
    assert table([books, toys]).rows[1] == ("toys", "5.0", 3, "4.0", "2.6")
