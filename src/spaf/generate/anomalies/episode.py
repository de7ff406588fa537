"""Episodes on purpose: for a while a category sells more, less or not at all.

No other category changes: what is suppressed was never due, and what is added comes on top of the
schedule. The plan is drawn from the seed and from times since the first sale alone, so a stream is
the same however late or fast it is sent.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, SHIFT, SURGE, EpisodeLabel
from spaf.generate.shop.assortment import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator

EPISODE_KINDS = (SURGE, DROUGHT, SHIFT, BURST)
# Shortest and longest, seconds, and the factors of the rate. A surge is what a campaign or a robot
# does, a drought a broken page, a shift the new normal of some minutes.
SURGE_S, SURGE_FACTOR = (15.0, 30.0), (3.0, 6.0)
DROUGHT_S = (15.0, 40.0)
SHIFT_S, SHIFT_FACTORS = (120.0, 240.0), (2.0, 0.4)
# One customer, one product, so many sales in so long, seconds.
BURST_S, BURST_SALES = 2.0, (20, 60)
# None begins earlier: a detector has to see what is usual first, seconds.
QUIET_S = 60.0
# After an episode its category is left alone, so that each label has a past to stand out from.
REST_S = 120.0
_US = 1_000_000


class Episode(NamedTuple):
    """One episode; times in microseconds since the first sale of the stream."""

    kind: str
    category: int
    start_us: int
    end_us: int
    factor: float

    def label(self, origin_us: int) -> EpisodeLabel:
        """Return the truth about it, with the stream's first sale at `origin_us`."""
        start, end = (origin_us + self.start_us) // 1_000, (origin_us + self.end_us) // 1_000
        return EpisodeLabel(self.kind, CATEGORIES[self.category], start, end, self.factor)


def plan(seed: int, every_s: float) -> Iterator[Episode]:
    """Yield the episodes in order, `every_s` seconds apart on average.

    Two of a category never meet. One that would meet another of its category, or begin in its
    rest, is left out, so the more frequent they are the more are missing.
    """
    luck = Random(f"episodes {seed}")  # noqa: S311 - a simulation
    free = [0.0] * len(CATEGORIES)
    start = QUIET_S
    while True:
        start += luck.expovariate(1 / every_s)
        kind, category = luck.choice(EPISODE_KINDS), luck.randrange(len(CATEGORIES))
        seconds, factor = shape(kind, luck)
        if start >= free[category]:
            free[category] = start + seconds + REST_S
            end = start + seconds
            yield Episode(kind, category, round(start * _US), round(end * _US), factor)


def shape(kind: str, luck: Random) -> tuple[float, float]:
    """Return length in seconds and factor."""
    if kind == SURGE:
        return luck.uniform(*SURGE_S), round(luck.uniform(*SURGE_FACTOR), 2)
    if kind == DROUGHT:
        return luck.uniform(*DROUGHT_S), 0.0
    if kind == SHIFT:
        return luck.uniform(*SHIFT_S), luck.choice(SHIFT_FACTORS)
    return BURST_S, float(luck.randint(*BURST_SALES))


class Episodes:
    """The episodes of a stream as its time goes by; nothing happens before `change_us`."""

    def __init__(self, seed: int, every_s: float) -> None:
        """Plan; 0 seconds are no episodes at all."""
        self.active: list[Episode] = []
        # When the newest episode of a category ends, by category.
        self.busy_until_us: dict[int, int] = {}
        self._coming = plan(seed, every_s) if every_s else iter(())
        self._next = next(self._coming, None)
        # Intended time of the first sale, from which all is timed.
        self.origin_us = 0
        # Epoch microseconds at which an episode begins or ends next; the first sale sets the clock.
        self.change_us: float = 0.0

    def advance(self, now_us: int) -> list[EpisodeLabel]:
        """Begin and end what is due, and return the labels of what begins."""
        if not self.origin_us:
            self.origin_us = now_us
        passed = now_us - self.origin_us
        self.active = [episode for episode in self.active if episode.end_us > passed]
        begun = []
        while self._next is not None and self._next.start_us <= passed:
            if self._next.end_us > passed:  # else over before a sale came: nothing happened
                begun.append(self._next.label(self.origin_us))
                self.active.append(self._next)
                self.busy_until_us[self._next.category] = self._next.end_us
            self._next = next(self._coming, None)
        changes = [episode.end_us for episode in self.active]
        changes += [self._next.start_us] if self._next else []
        self.change_us = self.origin_us + min(changes, default=float("inf"))
        return begun
