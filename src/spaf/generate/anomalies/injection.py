"""Anomalies that somebody asks for while the sales run.

They come on top of the plan: what the stream would have sold it still sells, with the same draws.
Their own luck follows from the seed and from how many were asked for before.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from spaf.errors import LoadError
from spaf.generate.anomalies.anomaly import BURST, inject_kind
from spaf.generate.anomalies.episode import QUIET_S, REST_S, Episode, shape
from spaf.generate.locust.protocol import EPISODE_WISHES, InjectionAccepted
from spaf.generate.shop.assortment import CATEGORIES

if TYPE_CHECKING:
    from spaf.generate.anomalies.anomaly import EpisodeLabel, Injected
    from spaf.generate.anomalies.episode import Episodes

# Nobody watches more than a few; with more waiting, the anomalous sales would be the normal ones.
MOST_WAITING = 20
_US = 1_000_000


class InjectionQueue:
    """What was asked for and has not happened yet, and the episodes that were asked for."""

    def __init__(self, seed: int, planned: Episodes) -> None:
        """Begin with none, beside the planned episodes."""
        self.active: list[Episode] = []
        self.sales: list[tuple[str, str | None]] = []
        # Whether an episode waits or is on: asked for each sale.
        self.open = False
        self._waiting: list[tuple[str, int, float, float]] = []
        self._busy_until_us: dict[int, int] = {}
        self._planned = planned
        self._luck = Random(f"wishes {seed}")  # noqa: S311 - a simulation

    def take(self, kind: str, category: str | None, now_us: int) -> InjectionAccepted:
        """Note a wish; it comes true with the next sale that fits.

        Raises:
            LoadError: the shop has no such category, too many wait, or an episode is on there.

        """
        if category is not None and category not in CATEGORIES:
            raise LoadError(f"The shop has no category {category!r:.80}.")
        if len(self.sales) + len(self._waiting) >= MOST_WAITING:
            raise LoadError("Too many anomalies wait for their sale already; try again later.")
        if kind in EPISODE_WISHES:
            return self._take_episode(kind, category, self._passed_us(now_us))
        self.sales.append((kind, category))
        return InjectionAccepted(kind, category)

    def _take_episode(self, kind: str, category: str | None, passed_us: int) -> InjectionAccepted:
        place = self._idle(kind, passed_us) if category is None else CATEGORIES.index(category)
        free_us = self._free_us(place)
        if free_us > passed_us:
            wait = (free_us - passed_us) / _US
            raise LoadError(
                f"{CATEGORIES[place]} has an episode already; it ends in {wait:.0f} s.",
                todo="Name another category, or wait.",
            )
        seconds, factor = shape(kind, self._luck)
        self._waiting.append((kind, place, seconds, factor))
        self._busy_until_us[place] = passed_us + round(seconds * _US)
        self.open = True
        return InjectionAccepted(
            kind, CATEGORIES[place], round(seconds, 1), _note(passed_us, free_us)
        )

    def begin(self, now_us: int) -> list[EpisodeLabel]:
        """Begin and end episodes; return the labels of those that begin with the sale due now."""
        origin = self._planned.origin_us
        passed = now_us - origin
        begun = [
            Episode(kind, place, passed, passed + round(seconds * _US), factor)
            for kind, place, seconds, factor in self._waiting
        ]
        self._waiting.clear()
        self.active = [one for one in self.active if one.end_us > passed] + begun
        self.open = bool(self.active)
        return [one.label(origin) for one in begun]

    def inject(
        self, category: str, draw: float, price_cents: int, quantity: int
    ) -> Injected | None:
        """Return what the first wish that fits a sale makes of it; it has come true then."""
        for place, (kind, wanted) in enumerate(self.sales):
            if wanted in (None, category):
                del self.sales[place]
                return inject_kind(kind, draw, price_cents, quantity)
        return None

    def _passed_us(self, now_us: int) -> int:
        """Return the time since the first sale, which may still have to come."""
        return now_us - self._planned.origin_us if self._planned.origin_us else 0

    def _free_us(self, place: int) -> int:
        """Return when the newest episode of a category ends, or ended."""
        planned = self._planned.busy_until_us.get(place, -round(REST_S * _US))
        return max(planned, self._busy_until_us.get(place, planned))

    def _idle(self, kind: str, passed_us: int) -> int:
        """Return a category that has rested longest, if none has rested enough.

        The frequent ones come first, because a change of theirs is seen soonest; but a burst is
        small beside a frequent category, and is seen in a rare one.
        """
        order = range(len(CATEGORIES))
        places = list(reversed(order) if kind == BURST else order)
        rested = [one for one in places if passed_us - self._free_us(one) >= REST_S * _US]
        return rested[0] if rested else min(places, key=self._free_us)


def _note(passed_us: int, free_us: int) -> str:
    """Return what may keep an episode from being noticed."""
    if passed_us < QUIET_S * _US:
        return "The first minute is the past that it is compared with: it may not be noticed."
    if passed_us - free_us < REST_S * _US:
        return "The category had an episode less than two minutes ago: it may not stand out."
    return ""
