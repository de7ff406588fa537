"""The seeded shop: what it sells, for how much, and how often."""

from __future__ import annotations

from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from mimesis import Finance, Text
from mimesis.locales import Locale

from spaf.generate.shop.assortment import ASSORTMENT, CATEGORIES, CUSTOMERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How steeply popularity falls with the rank (Zipf exponent). Categories gently: at 100 sales a
# second the rarest of ten still sells four a second, enough to notice that it stops. Products and
# customers as steeply as shops report: a fifth of them brings most of the sales.
CATEGORY_SKEW = 0.7
PRODUCT_SKEW = 0.8
CUSTOMER_SKEW = 0.8
# Spread of the prices inside a category, sigma of the logarithm: two thirds of the products lie
# within a third of the category's typical price. A tenfold typo stands out from that, and a few
# pieces of a cheap product do not.
PRICE_SPREAD = 0.30


class Product(NamedTuple):
    """One product; the price is in whole cents."""

    product_id: str
    name: str
    brand: str
    category: str
    price_cents: int


class Catalogue(NamedTuple):
    """The products and how likely each product and each customer is, as running sums to 1."""

    products: tuple[Product, ...]
    product_shares: NDArray[np.float64]
    customer_shares: NDArray[np.float64]


def build(seed: int) -> Catalogue:
    """Return the shop of this seed: the same one in every process."""
    text, finance = Text(Locale.EN, seed=seed), Finance(Locale.EN, seed=seed)
    luck = np.random.default_rng(seed)
    products: list[Product] = []
    for category, (typical, names) in ASSORTMENT.items():
        shelf = [" ".join(name.split()) for name in names.split(",")]
        for name, price in zip(shelf, _prices(luck, typical, len(shelf)), strict=True):
            products.append(
                Product(
                    product_id=f"prod_{len(products) + 1}",
                    name=f"{text.color()} {name}",
                    brand=finance.company(),
                    category=category,
                    price_cents=round(price) * 100 - 10,  # shops like to end in .90
                )
            )
    category_shares = _popularity(len(CATEGORIES), CATEGORY_SKEW)
    shelf_shares = _popularity(len(products) // len(CATEGORIES), PRODUCT_SKEW)
    return Catalogue(
        products=tuple(products),
        product_shares=_running(np.outer(category_shares, shelf_shares).ravel()),
        customer_shares=_running(_popularity(CUSTOMERS, CUSTOMER_SKEW)),
    )


def _prices(luck: np.random.Generator, typical: int, count: int) -> list[float]:
    """Return log-normal prices in random order, evenly spaced in probability.

    Prices drawn freely would give some categories hardly any spread, by chance.
    """
    steps = (luck.permutation(count) + 0.5) / count
    return [typical * exp(PRICE_SPREAD * NormalDist().inv_cdf(step)) for step in steps.tolist()]


def _popularity(count: int, skew: float) -> NDArray[np.float64]:
    """Return Zipf weights, the first the largest, that sum to 1."""
    weights: NDArray[np.float64] = np.arange(1, count + 1, dtype=np.float64) ** -skew
    weights /= weights.sum()
    return weights


def _running(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return running sums whose last is exactly 1, so that every draw below 1 finds a place."""
    sums = np.cumsum(shares)
    sums /= sums[-1]
    return sums
