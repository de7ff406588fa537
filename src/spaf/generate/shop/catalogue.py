"""The seeded catalogue: products, prices, and how often each is sold."""

from __future__ import annotations

from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from mimesis import Finance, Text
from mimesis.locales import Locale

from spaf.generate.shop.assortment import ASSORTMENT, CATEGORIES, DEFAULT_SIZE, ShopSize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Zipf exponents of popularity by rank. Small for categories: at 100 sales a second the rarest of
# ten still sells four a second, enough to detect that it stops. Products and customers as shops
# report: a fifth of them accounts for most of the sales.
CATEGORY_SKEW = 0.7
PRODUCT_SKEW = 0.8
CUSTOMER_SKEW = 0.8
# Spread of the prices in a category, sigma of the logarithm: two thirds of the products are within
# a third of the typical price. A tenfold typing error is an outlier, a few pieces of a cheap
# product are not.
PRICE_SPREAD = 0.30


class Product(NamedTuple):
    """One product; the price is in whole cents."""

    product_id: str
    name: str
    brand: str
    category: str
    price_cents: int


class Catalogue(NamedTuple):
    """The products, and the shares of products and customers as cumulated sums up to 1."""

    # Each has the same number of products, which follow each other.
    categories: tuple[str, ...]
    products: tuple[Product, ...]
    product_shares: NDArray[np.float64]
    customer_shares: NDArray[np.float64]

    def category_shares(self) -> dict[str, float]:
        """Return the part of the sales of each category."""
        products = len(self.products) // len(self.categories)
        shares = np.diff(self.product_shares[products - 1 :: products], prepend=0.0)
        return dict(zip(self.categories, shares.tolist(), strict=True))


def build(seed: int, size: ShopSize = DEFAULT_SIZE) -> Catalogue:
    """Return the catalogue of this seed and size: the same one in every process."""
    text, finance = Text(Locale.EN, seed=seed), Finance(Locale.EN, seed=seed)
    rng = np.random.default_rng(seed)
    products: list[Product] = []
    categories = tuple(_numbered(CATEGORIES, size.categories))
    for index, category in enumerate(categories):
        typical, names = ASSORTMENT[CATEGORIES[index % len(CATEGORIES)]]
        known = [" ".join(name.split()) for name in names.split(",")]
        titles = _numbered(known, size.products_per_category)
        for title, price in zip(titles, _prices(rng, typical, len(titles)), strict=True):
            products.append(
                Product(
                    product_id=f"prod_{len(products) + 1}",
                    name=f"{text.color()} {title}",
                    brand=finance.company(),
                    category=category,
                    price_cents=round(price) * 100 - 10,  # prices end in .90, as is usual in shops
                )
            )
    category_shares = _popularity(len(categories), CATEGORY_SKEW)
    product_shares = _popularity(size.products_per_category, PRODUCT_SKEW)
    return Catalogue(
        categories=categories,
        products=tuple(products),
        product_shares=_cumulated(np.outer(category_shares, product_shares).ravel()),
        customer_shares=_cumulated(_popularity(size.customers, CUSTOMER_SKEW)),
    )


def _numbered(names: Sequence[str], count: int) -> list[str]:
    """Return `count` different names: these, then these again with a number."""
    rounds = (divmod(index, len(names)) for index in range(count))
    return [names[place] + (f" {turn + 1}" if turn else "") for turn, place in rounds]


def _prices(rng: np.random.Generator, typical: int, count: int) -> list[float]:
    """Return log-normal prices in random order, evenly spaced in probability.

    With independent draws, some categories would have hardly any spread by chance.
    """
    steps = (rng.permutation(count) + 0.5) / count
    return [typical * exp(PRICE_SPREAD * NormalDist().inv_cdf(step)) for step in steps.tolist()]


def _popularity(count: int, skew: float) -> NDArray[np.float64]:
    """Return Zipf weights in descending order that sum to 1."""
    weights: NDArray[np.float64] = np.arange(1, count + 1, dtype=np.float64) ** -skew
    weights /= weights.sum()
    return weights


def _cumulated(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cumulated sums whose last is exactly 1, so that every draw below 1 has an index."""
    sums = np.cumsum(shares)
    sums /= sums[-1]
    return sums
