"""What the episodes that are on make of one slot of the schedule."""

from __future__ import annotations

from math import exp
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from spaf.generate.anomalies.anomaly import BURST
from spaf.generate.shop.assortment import CATEGORIES, CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spaf.generate.anomalies.episode import Episode
    from spaf.generate.shop.catalogue import Catalogue

# The sales of a burst are spread over this share of it, so that all are out before its end.
BURST_SPREAD = 0.75
# Product and customer of a sale that comes on top.
Extra = tuple[int, int]


class EpisodeEffects:
    """Drops sales and adds sales, with luck of its own: the stream's choices stay."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        """Begin with the luck of this seed."""
        self._luck = Random(f"disturbance {seed}")  # noqa: S311 - a simulation
        self._shelf = len(catalogue.products) // len(CATEGORIES)
        # How the sales of a category fall on its products: the same for each.
        first = catalogue.product_shares[: self._shelf]
        self._shares = first / first[-1]
        self._sold: dict[Episode, int] = {}

    def of_slot(
        self, product: int, active: Iterable[Episode], passed_us: int
    ) -> tuple[bool, list[Extra]]:
        """Return whether the slot's own sale of `product` is due, and what comes on top of it."""
        kept, extra = True, []
        for episode in active:
            if episode.kind == BURST:
                extra += self._of_burst(episode, passed_us)
            elif episode.category != product // self._shelf:
                continue
            elif episode.factor < 1:
                kept = self._luck.random() < episode.factor
            else:
                customers = range(self._poisson(episode.factor - 1))
                extra += [(self._product(episode), self._customer()) for _ in customers]
        return kept, extra

    def _of_burst(self, episode: Episode, passed_us: int) -> list[Extra]:
        """Return the sales of a burst that have come due since the last slot."""
        length = (episode.end_us - episode.start_us) * BURST_SPREAD
        share = min(1.0, (passed_us - episode.start_us) / length)
        due = round(1 + share * (episode.factor - 1))
        sold = self._sold.get(episode, 0)
        self._sold[episode] = due
        # What is bought, and by whom, follows from the episode alone.
        luck = Random(episode.start_us)  # noqa: S311 - a simulation
        product = episode.category * self._shelf + luck.randrange(self._shelf)
        return [(product, luck.randint(1, CUSTOMERS))] * (due - sold)

    def _product(self, episode: Episode) -> int:
        place = int(np.searchsorted(self._shares, self._luck.random(), side="right"))
        return episode.category * self._shelf + min(place, self._shelf - 1)

    def _customer(self) -> int:
        return self._luck.randint(1, CUSTOMERS)

    def _poisson(self, mean: float) -> int:
        """Return a Poisson number (Knuth 1969, vol. 2, 3.4.1): the mean is small."""
        limit, number, product = exp(-mean), 0, self._luck.random()
        while product > limit:
            number += 1
            product *= self._luck.random()
        return number
