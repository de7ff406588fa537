"""The sale stream: draws in NumPy batches, and one JSON object in bytes a sale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from spaf.generate.anomalies.anomaly import EpisodeLabel, Label, inject
from spaf.generate.anomalies.episode import Episodes
from spaf.generate.anomalies.episode_effects import EpisodeEffects
from spaf.generate.anomalies.injection import InjectionQueue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spaf.generate.locust.protocol import InjectionAccepted
    from spaf.generate.shop.catalogue import Catalogue, Product

# Sales drawn in one batch: large enough to be cheap for each, small enough that a batch (0.3 ms)
# does not show in the publish delay.
BATCH_SALES = 1_024
# Share of the first currency when there are several; the others share the rest equally.
FIRST_CURRENCY_SHARE = 0.85
# What promotions and freight do to a price, sigma of the logarithm.
PRICE_NOISE = 0.05
# Shares of the quantities 1 to 5 for the cheaper half of a category; of the other half one piece is
# sold. So a usual amount stays well below a tenfold one.
QUANTITY_SHARES = (0.82, 0.14, 0.036, 0.0036, 0.0004)
PAYMENT_SHARES = {
    "credit_card": 0.45,
    "pix": 0.30,
    "debit_card": 0.15,
    "boleto": 0.07,
    "gift_card": 0.03,
}
_DRAWS = 6
# A draw above every anomaly rate.
NO_ANOMALY = 1.0
# Product, price in cents, quantity, payment, customer, and two draws for an anomaly.
Draws = tuple[int, int, int, int, int, float, float]

# Quotes of a line up to the one that ends the product's id: no text before it has one of its own.
_QUOTES_TO_PRODUCT = 8
# To format into prepared bytes takes a third of the time of encoding an object. Every text in it
# was encoded as JSON at the start.
_LINE = (
    b'{"transactionId":"%b%b",%b"productPrice":%d.%02d,"productQuantity":%d,"totalAmount":%d.%02d,'
    b'%b,"customerId":"cust_%d","eventTime":%d,"intendedAt":%d,"sentAt":%d}'
)


class SaleStream:
    """An endless stream of sales, the same for the same seed except for the id of the run.

    >>> from spaf.generate.shop import catalogue
    >>> stream = SaleStream(catalogue.build(1), seed=1, run_id="a", currencies=("BRL",))
    >>> stream.next_sale(1_000_000, 1_000_700)[0][:24]
    b'{"transactionId":"1-a-0"'
    """

    def __init__(  # noqa: PLR0913 - parameters of the stream
        self,
        catalogue: Catalogue,
        *,
        seed: int,
        run_id: str,
        currencies: Sequence[str],
        anomaly_rate: float = 0.0,
        episode_every_s: float = 0.0,
    ) -> None:
        """Start at the first sale; `anomaly_rate` may be changed at any time.

        Episodes begin every `episode_every_s` seconds on average; 0: no episodes.
        """
        self.anomaly_rate = anomaly_rate
        self._episodes = Episodes(seed, episode_every_s, catalogue.categories)
        self._planned_effects = EpisodeEffects(catalogue, seed)
        self._injections = InjectionQueue(seed, self._episodes)
        # With a generator of its own, so that injections change no planned sale.
        self._injected_effects = EpisodeEffects(catalogue, seed)
        self._catalogue = catalogue
        self._rng = np.random.default_rng(seed)
        self._id = f"{seed}-{run_id}-"
        self._id_bytes = self._id.encode()
        self._number = 0
        self._products = [_product_part(product) for product in catalogue.products]
        self._payments = [
            msgspec.json.encode({"currency": code, "paymentMethod": method})[1:-1]
            for code in currencies
            for method in PAYMENT_SHARES
        ]
        self._payment_shares = np.cumsum(
            np.outer(_currency_shares(len(currencies)), list(PAYMENT_SHARES.values())).ravel()
        )
        self._prices = np.array([product.price_cents for product in catalogue.products])
        self._cheap = _cheap(self._prices, len(catalogue.categories))
        self._draws: Iterator[Draws] = iter(())

    def sales(
        self, intended_us: int, sent_us: int
    ) -> list[tuple[bytes, Label | EpisodeLabel | None]]:
        """Return the sales of a slot of the schedule, each with its label.

        It is one sale, during an episode none or several. The label of an episode that begins comes
        with an empty value, which is not a sale.
        """
        episodes, injections = self._episodes, self._injections
        if intended_us < episodes.change_us and not episodes.active and not injections.has_episodes:
            return [self.next_sale(intended_us, sent_us)]
        begun: list[tuple[bytes, Label | EpisodeLabel | None]] = []
        if intended_us >= episodes.change_us:
            begun += [(b"", label) for label in episodes.advance(intended_us)]
        if injections.has_episodes:
            begun += [(b"", label) for label in injections.begin_episodes(intended_us)]
        return begun + self._sales_in_episodes(intended_us, sent_us)

    def inject(self, kind: str, category: str | None, now_us: int) -> InjectionAccepted:
        """Make the next sale (of a category) anomalous, or begin an episode with the next sale.

        Raises:
            LoadError: the injection is refused; the message says why.

        """
        return self._injections.add(kind, category, now_us)

    def _sales_in_episodes(
        self, intended_us: int, sent_us: int
    ) -> list[tuple[bytes, Label | EpisodeLabel | None]]:
        """Return the sales of a slot during episodes."""
        product, *_ = draws = self._next_draws()
        number = self._number - 1
        passed_us = intended_us - self._episodes.origin_us
        kept, extra = self._planned_effects.apply(product, self._episodes.active, passed_us)
        if self._injections.active:
            also_kept, more = self._injected_effects.apply(
                product, self._injections.active, passed_us
            )
            kept, extra = kept and also_kept, extra + more
        sales: list[tuple[bytes, Label | EpisodeLabel | None]] = []
        if kept:
            sales.append(self._sale(str(number), draws, intended_us, sent_us))
        for index, (product, customer) in enumerate(extra):
            # With the payment of the slot's sale: no detector reads it.
            added = self._added(product, customer, draws)
            sales.append(self._sale(f"{number}-{index}", added, intended_us, sent_us))
        return sales

    def _added(self, product: int, customer: int, slot: Draws) -> Draws:
        """Return an additional sale: one piece of a product at its list price, not anomalous."""
        cents = int(self._prices[product])
        return product, cents, 1, slot[3], customer, NO_ANOMALY, 0.0

    def next_sale(self, intended_us: int, sent_us: int) -> tuple[bytes, Label | None]:
        """Return the next sale as JSON, and the label if it is anomalous."""
        draws = self._next_draws()
        return self._sale(str(self._number - 1), draws, intended_us, sent_us)

    def _next_draws(self) -> Draws:
        if self._number % BATCH_SALES == 0:
            self._draw_batch()
        self._number += 1
        return next(self._draws)

    def _sale(
        self, name: str, draws: Draws, intended_us: int, sent_us: int
    ) -> tuple[bytes, Label | None]:
        """Return a sale as JSON; `name` identifies it within the run."""
        product, cents, quantity, payment, customer, anomaly, kind = draws
        label = injected = None
        if anomaly < self.anomaly_rate:
            injected = inject(kind, cents, quantity)
        elif self._injections.sales and anomaly < NO_ANOMALY:
            category = self._catalogue.products[product].category
            injected = self._injections.apply(category, kind, cents, quantity)
        if injected is not None:
            category = self._catalogue.products[product].category
            cents, quantity = injected.price_cents, injected.quantity
            label = Label(f"{self._id}{name}", injected.kind, category, injected.factor)
        total = cents * quantity
        sale = _LINE % (
            self._id_bytes,
            name.encode(),
            self._products[product],
            cents // 100,
            cents % 100,
            quantity,
            total // 100,
            total % 100,
            self._payments[payment],
            customer,
            intended_us // 1_000,
            intended_us,
            sent_us,
        )
        return sale, label

    def _draw_batch(self) -> None:
        """Draw the next batch; every batch takes the same number of random values."""
        draws = self._rng.random((_DRAWS, BATCH_SALES))
        noise = np.exp(PRICE_NOISE * self._rng.standard_normal(BATCH_SALES))
        product = _pick(self._catalogue.product_shares, draws[0])
        cents = np.maximum(1, np.rint(self._prices[product] * noise)).astype(np.int64)
        self._draws = zip(
            product.tolist(),
            cents.tolist(),
            (1 + _pick(_QUANTITIES, draws[1]) * self._cheap[product]).tolist(),
            _pick(self._payment_shares, draws[2]).tolist(),
            (1 + _pick(self._catalogue.customer_shares, draws[3])).tolist(),
            draws[4].tolist(),
            draws[5].tolist(),
            strict=True,
        )


_QUANTITIES = np.cumsum(QUANTITY_SHARES)


def _pick(shares: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of each draw in cumulated shares; rounding errors go to the last."""
    return np.minimum(np.searchsorted(shares, draws, side="right"), len(shares) - 1)


def _cheap(prices: NDArray[np.int64], categories: int) -> NDArray[np.bool_]:
    """Return which products cost no more than the median of their category."""
    by_category = prices.reshape(categories, -1)
    cheap: NDArray[np.bool_] = by_category <= np.median(by_category, axis=1, keepdims=True)
    return cheap.ravel()


def _currency_shares(count: int) -> list[float]:
    if count == 1:
        return [1.0]
    return [FIRST_CURRENCY_SHARE] + [(1 - FIRST_CURRENCY_SHARE) / (count - 1)] * (count - 1)


def product_of(sale: bytes) -> bytes:
    """Return the product's id in a sale of the stream.

    >>> product_of(b'{"transactionId":"1-a-0","productId":"prod_7","productName":"x"}')
    b'prod_7'
    """
    return sale.split(b'"', _QUOTES_TO_PRODUCT)[_QUOTES_TO_PRODUCT - 1]


def _product_part(product: Product) -> bytes:
    """Return the product's members of the JSON object, up to the price."""
    members = {
        "productId": product.product_id,
        "productName": product.name,
        "productBrand": product.brand,
        "productCategory": product.category,
    }
    return msgspec.json.encode(members)[1:-1] + b","
