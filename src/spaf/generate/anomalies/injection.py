"""Anomalies that are injected on request while the load runs.

They come on top of the plan: the stream's own sales keep the same draws. The random values of an
injection depend on the seed and on the number of earlier ones.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from spaf.errors import LoadError
from spaf.generate.anomalies.anomaly import BURST, inject_kind
from spaf.generate.anomalies.episode import QUIET_S, REST_S, Episode, shape
from spaf.generate.locust.protocol import INJECTABLE_EPISODES, InjectionAccepted

if TYPE_CHECKING:
    from spaf.generate.anomalies.anomaly import EpisodeLabel, Injected
    from spaf.generate.anomalies.episode import Episodes

# Requests that may wait at a time. With more, anomalous sales would be the normal ones.
MAX_WAITING = 20
_US = 1_000_000


class InjectionQueue:
    """Injections that wait for their sale, and injected episodes."""

    def __init__(self, seed: int, planned: Episodes) -> None:
        """Start empty; `planned` are the stream's own episodes."""
        self.active: list[Episode] = []
        self.sales: list[tuple[str, str | None]] = []
        # Whether an episode is waiting or active; read for each sale.
        self.has_episodes = False
        self._waiting: list[tuple[str, int, float, float]] = []
        self._busy_until_us: dict[int, int] = {}
        self._planned = planned
        self._categories = planned.categories
        self._rng = Random(f"wishes {seed}")  # noqa: S311 - a simulation

    def add(self, kind: str, category: str | None, now_us: int) -> InjectionAccepted:
        """Add a request, which applies to the next matching sale.

        Raises:
            LoadError: the category is unknown, too many requests wait, or the category has an
                episode.

        """
        if category is not None and category not in self._categories:
            raise LoadError(f"The shop has no category {category!r:.80}.", code="no_category")
        if len(self.sales) + len(self._waiting) >= MAX_WAITING:
            raise LoadError(
                "Too many anomalies wait for their sale already; try again later.",
                code="too_many_anomalies",
            )
        if kind in INJECTABLE_EPISODES:
            # The time since the first sale; 0 before it.
            passed_us = now_us - self._planned.origin_us if self._planned.origin_us else 0
            return self._add_episode(kind, category, passed_us)
        self.sales.append((kind, category))
        return InjectionAccepted(kind, category)

    def _add_episode(self, kind: str, category: str | None, passed_us: int) -> InjectionAccepted:
        names = self._categories
        index = self._idle(kind, passed_us) if category is None else names.index(category)
        free_us = self._free_us(index)
        if free_us > passed_us:
            wait = (free_us - passed_us) / _US
            raise LoadError(
                f"{names[index]} has an episode already; it ends in {wait:.0f} s.",
                todo="Name another category, or wait.",
                code="episode_running",
                category=names[index],
                seconds=round(wait),
            )
        seconds, factor = shape(kind, self._rng)
        self._waiting.append((kind, index, seconds, factor))
        self._busy_until_us[index] = passed_us + round(seconds * _US)
        self.has_episodes = True
        return InjectionAccepted(kind, names[index], round(seconds, 1), _note(passed_us, free_us))

    def begin_episodes(self, now_us: int) -> list[EpisodeLabel]:
        """Begin and end episodes; return the labels of those that begin with the present slot."""
        origin = self._planned.origin_us
        passed = now_us - origin
        begun = [
            Episode(kind, index, passed, passed + round(seconds * _US), factor)
            for kind, index, seconds, factor in self._waiting
        ]
        self._waiting.clear()
        self.active = [episode for episode in self.active if episode.end_us > passed] + begun
        self.has_episodes = bool(self.active)
        return [episode.label(origin, self._categories) for episode in begun]

    def apply(self, category: str, draw: float, price_cents: int, quantity: int) -> Injected | None:
        """Apply the first matching request to a sale and remove it; None without one."""
        for index, (kind, wanted) in enumerate(self.sales):
            if wanted in (None, category):
                del self.sales[index]
                return inject_kind(kind, draw, price_cents, quantity)
        return None

    def _free_us(self, index: int) -> int:
        """Return the end of the newest episode of a category."""
        planned = self._planned.busy_until_us.get(index, -round(REST_S * _US))
        return max(planned, self._busy_until_us.get(index, planned))

    def _idle(self, kind: str, passed_us: int) -> int:
        """Return a category that has rested for REST_S, or else the one that has rested longest.

        The most frequent ones come first, because a change there is detected soonest. For a burst
        the rarest come first: it is small compared with the sales of a frequent category.
        """
        by_frequency = range(len(self._categories))
        order = list(reversed(by_frequency) if kind == BURST else by_frequency)
        rested = [c for c in order if passed_us - self._free_us(c) >= REST_S * _US]
        return rested[0] if rested else min(order, key=self._free_us)


def _note(passed_us: int, free_us: int) -> str:
    """Return why an episode may not be detected; nothing if it should be."""
    if passed_us < QUIET_S * _US:
        return "The first minute is the past that it is compared with: it may not be noticed."
    if passed_us - free_us < REST_S * _US:
        return "The category had an episode less than two minutes ago: it may not stand out."
    return ""
