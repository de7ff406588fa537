"""The effects of active episodes on one slot of the schedule."""

from __future__ import annotations

from math import exp
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from spaf.generate.anomalies.anomaly import BURST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spaf.generate.anomalies.episode import Episode
    from spaf.generate.shop.catalogue import Catalogue

# Share of a burst over which its sales are spread, so that all are sent before its end.
BURST_SPREAD = 0.75
# Product and customer of an additional sale.
ExtraSale = tuple[int, int]


class EpisodeEffects:
    """Drops and adds sales, with a random generator of its own: the stream's draws stay."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        """Start the random generator with this seed."""
        self._rng = Random(f"disturbance {seed}")  # noqa: S311 - a simulation
        self._category_size = len(catalogue.products) // len(catalogue.categories)
        self._customers = len(catalogue.customer_shares)
        # Cumulated shares of the products in a category, the same in every category.
        first = catalogue.product_shares[: self._category_size]
        self._shares = first / first[-1]
        self._sold: dict[Episode, int] = {}

    def apply(
        self, product: int, active: Iterable[Episode], passed_us: int
    ) -> tuple[bool, list[ExtraSale]]:
        """Return whether the slot's own sale of `product` is kept, and the additional sales."""
        kept, extra = True, []
        for episode in active:
            if episode.kind == BURST:
                extra += self._burst_sales(episode, passed_us)
            elif episode.category != product // self._category_size:
                continue
            elif episode.factor < 1:
                kept = self._rng.random() < episode.factor
            else:
                customers = range(self._poisson(episode.factor - 1))
                extra += [(self._product(episode), self._customer()) for _ in customers]
        return kept, extra

    def _burst_sales(self, episode: Episode, passed_us: int) -> list[ExtraSale]:
        """Return the sales of a burst that are due since the last slot."""
        length = (episode.end_us - episode.start_us) * BURST_SPREAD
        share = min(1.0, (passed_us - episode.start_us) / length)
        due = round(1 + share * (episode.factor - 1))
        sold = self._sold.get(episode, 0)
        self._sold[episode] = due
        # Product and customer depend on the episode alone.
        rng = Random(episode.start_us)  # noqa: S311 - a simulation
        product = episode.category * self._category_size + rng.randrange(self._category_size)
        return [(product, rng.randint(1, self._customers))] * (due - sold)

    def _product(self, episode: Episode) -> int:
        index = int(np.searchsorted(self._shares, self._rng.random(), side="right"))
        return episode.category * self._category_size + min(index, self._category_size - 1)

    def _customer(self) -> int:
        return self._rng.randint(1, self._customers)

    def _poisson(self, mean: float) -> int:
        """Return a Poisson variate by Knuth's method (1969, vol. 2, 3.4.1), for a small mean."""
        limit, number, product = exp(-mean), 0, self._rng.random()
        while product > limit:
            number += 1
            product *= self._rng.random()
        return number
