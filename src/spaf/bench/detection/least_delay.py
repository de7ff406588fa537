"""The least delay with which any rule can find that a category has stopped to sell.

The rate before is taken as known, which it never is. A sale proves that the category still sells,
so the evidence is the silence since the last one, and the best rule is a limit of it. It is Page's
cumulative sum (CUSUM), which no rule with as few false alerts beats (Lorden 1971, Moustakides
1986).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log1p
from typing import Any

import msgspec

from spaf.bench.detection.score import EpisodeDelay, quantile
from spaf.bench.scenario import Table

DAY_S = 86_400
# Of all categories together; each may have the same part of it.
MAX_FALSE_ALERTS_PER_DAY = 1.0
# Steps of the bisection: a delay of minutes is then exact to a microsecond.
BISECTIONS = 40
MS = 1_000
ALL = "all"


class DroughtDelays(msgspec.Struct, frozen=True):
    """Delays of the droughts that were found in a category."""

    category: str
    """Or `all`."""
    sales_per_s: float
    """Before the drought."""
    found: int
    delay_ms_p50: float | None
    least_delay_ms_p50: float | None
    """Of the best rule, for droughts of the same categories."""

    def row(self) -> tuple[Any, ...]:
        """Return the row of the table."""
        seconds = (
            "" if delay_ms is None else f"{delay_ms / MS:.1f}"
            for delay_ms in (self.delay_ms_p50, self.least_delay_ms_p50)
        )
        return self.category, f"{self.sales_per_s:.1f}", self.found, *seconds


def drought_delays(
    episodes: Sequence[EpisodeDelay], rates: Mapping[str, float]
) -> list[DroughtDelays]:
    """Return the delays of each category, and of all together.

    Args:
        episodes: the droughts that were found.
        rates: sales a second of each category.

    """
    delays = [
        _delays(name, rate, [episode for episode in episodes if episode.category == name], rates)
        for name, rate in rates.items()
    ]
    return [*delays, _delays(ALL, sum(rates.values()), episodes, rates)]


def table(delays: Sequence[DroughtDelays]) -> Table:
    """Return a row a category."""
    columns = ("category", "sales/s", "found", "delay p50 s", "least possible")
    return Table("droughts", columns, [delay.row() for delay in delays])


def max_silence_s(rate: float, false_alert_every_s: float) -> float:
    """Return the silence at which the best rule raises its alert.

    The first silence of t seconds in a Poisson process comes after (e^(rate t) - 1) / rate seconds
    on average.

    Args:
        rate: sales a second.
        false_alert_every_s: mean time between two false alerts.

    """
    return log1p(rate * false_alert_every_s) / rate


def least_median_s(rates: Sequence[float], false_alert_every_s: float) -> float:
    """Return the median delay of the best rule over droughts, each of a category of this rate.

    The silence has lasted for a while when a drought begins: the time since the last sale of a
    Poisson process is exponential.
    """
    limits = [(rate, max_silence_s(rate, false_alert_every_s)) for rate in rates]

    def share_found(delay_s: float) -> float:
        return sum(exp(min(rate * (delay_s - limit), 0)) for rate, limit in limits) / len(limits)

    low, high = 0.0, max(limit for _, limit in limits)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if share_found(middle) < 1 / 2 else (low, middle)
    return high


def _delays(
    name: str, rate: float, episodes: Sequence[EpisodeDelay], rates: Mapping[str, float]
) -> DroughtDelays:
    every_s = DAY_S * len(rates) / MAX_FALSE_ALERTS_PER_DAY
    least_s = (
        least_median_s([rates[episode.category] for episode in episodes], every_s)
        if episodes
        else None
    )
    return DroughtDelays(
        name,
        rate,
        len(episodes),
        quantile([episode.delay_ms for episode in episodes], 1 / 2),
        None if least_s is None else MS * least_s,
    )
