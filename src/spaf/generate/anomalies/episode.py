"""Planned episodes: for a while a category sells more, less or not at all.

No other category changes: suppressed sales were never due, and additional ones come on top of the
schedule. The plan depends only on the seed and on the time since the first sale, so a stream is the
same at any speed of sending.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, SHIFT, SURGE, EpisodeLabel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EPISODE_KINDS = (SURGE, DROUGHT, SHIFT, BURST)
# Range of lengths in seconds, and factors of the rate. A surge is the effect of a campaign or a
# bot, a drought that of a broken page, a shift a new level for some minutes.
SURGE_S, SURGE_FACTOR = (15.0, 30.0), (3.0, 6.0)
DROUGHT_S = (15.0, 40.0)
SHIFT_S, SHIFT_FACTORS = (120.0, 240.0), (2.0, 0.4)
# A burst: sales of one product to one customer; length in seconds, range of the number of sales.
BURST_S, BURST_SALES = 2.0, (20, 60)
# No episode begins earlier: a detector needs a history first, seconds.
QUIET_S = 60.0
# Pause of a category after an episode, so that the next one differs from its history, seconds.
REST_S = 120.0
_US = 1_000_000


class Episode(NamedTuple):
    """One episode; times in microseconds since the first sale of the stream."""

    kind: str
    category: int
    start_us: int
    end_us: int
    factor: float

    def label(self, origin_us: int, categories: Sequence[str]) -> EpisodeLabel:
        """Return the label of the episode, with the stream's first sale at `origin_us`."""
        start, end = (origin_us + self.start_us) // 1_000, (origin_us + self.end_us) // 1_000
        return EpisodeLabel(self.kind, categories[self.category], start, end, self.factor)


def plan(seed: int, every_s: float, categories: int) -> Iterator[Episode]:
    """Yield the episodes of some categories in order, `every_s` seconds apart on average.

    Episodes of a category do not overlap: one that would overlap with an earlier one or with its
    REST_S is left out, so the actual mean interval is longer.
    """
    rng = Random(f"episodes {seed}")  # noqa: S311 - a simulation
    free_from = [0.0] * categories
    start = QUIET_S
    while True:
        start += rng.expovariate(1 / every_s)
        kind, category = rng.choice(EPISODE_KINDS), rng.randrange(categories)
        seconds, factor = shape(kind, rng)
        if start >= free_from[category]:
            free_from[category] = start + seconds + REST_S
            end = start + seconds
            yield Episode(kind, category, round(start * _US), round(end * _US), factor)


def shape(kind: str, rng: Random) -> tuple[float, float]:
    """Return the length in seconds and the factor."""
    if kind == SURGE:
        return rng.uniform(*SURGE_S), round(rng.uniform(*SURGE_FACTOR), 2)
    if kind == DROUGHT:
        return rng.uniform(*DROUGHT_S), 0.0
    if kind == SHIFT:
        return rng.uniform(*SHIFT_S), rng.choice(SHIFT_FACTORS)
    return BURST_S, float(rng.randint(*BURST_SALES))


class Episodes:
    """The episodes of a stream as time passes; nothing changes before `change_us`."""

    def __init__(self, seed: int, every_s: float, categories: Sequence[str]) -> None:
        """Plan the episodes of the categories; none with `every_s` 0."""
        self.categories = categories
        self.active: list[Episode] = []
        # Category → end of its newest episode.
        self.busy_until_us: dict[int, int] = {}
        self._plan = plan(seed, every_s, len(categories)) if every_s else iter(())
        self._next = next(self._plan, None)
        # Due time of the first sale: the origin of all times.
        self.origin_us = 0
        # When an episode begins or ends next, epoch microseconds; 0 before the first sale.
        self.change_us: float = 0.0

    def advance(self, now_us: int) -> list[EpisodeLabel]:
        """Begin and end episodes; return the labels of those that begin."""
        if not self.origin_us:
            self.origin_us = now_us
        passed = now_us - self.origin_us
        self.active = [episode for episode in self.active if episode.end_us > passed]
        begun = []
        while self._next is not None and self._next.start_us <= passed:
            if self._next.end_us > passed:  # else it ended before the first slot in it
                begun.append(self._next.label(self.origin_us, self.categories))
                self.active.append(self._next)
                self.busy_until_us[self._next.category] = self._next.end_us
            self._next = next(self._plan, None)
        changes = [episode.end_us for episode in self.active]
        changes += [self._next.start_us] if self._next else []
        self.change_us = self.origin_us + min(changes, default=float("inf"))
        return begun
