"""The sale stream: random choices made in NumPy batches, one formatted line of bytes a sale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from spaf.generate.anomalies.anomaly import EpisodeLabel, Label, inject
from spaf.generate.anomalies.episode import Episodes
from spaf.generate.anomalies.episode_effects import EpisodeEffects
from spaf.generate.anomalies.injection import InjectionQueue
from spaf.generate.shop.assortment import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spaf.generate.locust.protocol import InjectionAccepted
    from spaf.generate.shop.catalogue import Catalogue, Product

# Choices made at a time: enough to make one cheap, few enough that making them (0.3 ms) is not
# seen in the publish delay.
BATCH_SALES = 1_024
# Share of the first currency when there are several; the others share the rest equally.
FIRST_CURRENCY_SHARE = 0.85
# What promotions and freight do to a price, sigma of the logarithm.
PRICE_NOISE = 0.05
# Shares of the quantities 1 to 5 of a product that costs no more than most of its category; of
# the dearer half people take one. So a usual amount stays well below a tenfold one.
QUANTITY_SHARES = (0.82, 0.14, 0.036, 0.0036, 0.0004)
PAYMENT_SHARES = {
    "credit_card": 0.45,
    "pix": 0.30,
    "debit_card": 0.15,
    "boleto": 0.07,
    "gift_card": 0.03,
}
_DRAWS = 6
# A draw that no anomaly rate exceeds.
NEVER = 1.0
# Product, price in cents, quantity, payment, customer, and two draws for an anomaly.
Choice = tuple[int, int, int, int, int, float, float]

# Formatting into prepared bytes takes a third of the time of building and encoding an object;
# every piece of text that goes in was encoded as JSON once, at the start.
_LINE = (
    b'{"transactionId":"%b%b",%b"productPrice":%d.%02d,"productQuantity":%d,"totalAmount":%d.%02d,'
    b'%b,"customerId":"cust_%d","eventTime":%d,"intendedAt":%d,"sentAt":%d}'
)


class SaleStream:
    """An endless stream of sales: the same for the same seed, but for the id of the run.

    >>> from spaf.generate.shop import catalogue
    >>> stream = SaleStream(catalogue.build(1), seed=1, run_id="a", currencies=("BRL",))
    >>> stream.next_sale(1_000_000, 1_000_700)[0][:24]
    b'{"transactionId":"1-a-0"'
    """

    def __init__(  # noqa: PLR0913 - each says what the stream is
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

        Episodes begin every `episode_every_s` seconds on average; 0 is none.
        """
        self.anomaly_rate = anomaly_rate
        self._episodes = Episodes(seed, episode_every_s)
        self._disturbance = EpisodeEffects(catalogue, seed)
        self._wishes = InjectionQueue(seed, self._episodes)
        # A luck of its own, so that what is wished for changes nothing that was planned.
        self._wished = EpisodeEffects(catalogue, seed)
        self._catalogue = catalogue
        self._luck = np.random.default_rng(seed)
        self._id = f"{seed}-{run_id}-"
        self._id_bytes = self._id.encode()
        self._number = 0
        self._products = [_product_part(product) for product in catalogue.products]
        self._payments = [
            _payment_part(code, method) for code in currencies for method in PAYMENT_SHARES
        ]
        self._payment_shares = np.cumsum(
            np.outer(_currency_shares(len(currencies)), list(PAYMENT_SHARES.values())).ravel()
        )
        self._prices = np.array([product.price_cents for product in catalogue.products])
        self._cheap = _cheap(self._prices)
        self._choices: Iterator[Choice] = iter(())

    def sales(
        self, intended_us: int, sent_us: int
    ) -> list[tuple[bytes, Label | EpisodeLabel | None]]:
        """Return what this slot of the schedule sells, each sale with its label.

        It is one sale, but for the time of an episode: then it is none or several. What only tells
        of an episode that begins has an empty value and is no sale.
        """
        episodes, wishes = self._episodes, self._wishes
        if intended_us < episodes.change_us and not episodes.active and not wishes.open:
            return [self.next_sale(intended_us, sent_us)]
        begun: list[tuple[bytes, Label | EpisodeLabel | None]] = []
        if intended_us >= episodes.change_us:
            begun += [(b"", label) for label in episodes.advance(intended_us)]
        if wishes.open:
            begun += [(b"", label) for label in wishes.begin(intended_us)]
        return begun + self._disturbed(intended_us, sent_us)

    def wish(self, kind: str, category: str | None, now_us: int) -> InjectionAccepted:
        """Make the next sale (of a category) anomalous, or begin an episode with the next sale.

        Raises:
            LoadError: it cannot be done; the message says why.

        """
        return self._wishes.take(kind, category, now_us)

    def _disturbed(
        self, intended_us: int, sent_us: int
    ) -> list[tuple[bytes, Label | EpisodeLabel | None]]:
        """Return the sales of a slot while episodes are on."""
        product, *_ = choice = self._next_choice()
        number = self._number - 1
        episodes = self._episodes
        kept, extra = self._disturbance.of_slot(
            product, episodes.active, intended_us - episodes.origin_us
        )
        if self._wishes.active:
            wished, more = self._wished.of_slot(
                product, self._wishes.active, intended_us - episodes.origin_us
            )
            kept, extra = kept and wished, extra + more
        found: list[tuple[bytes, Label | EpisodeLabel | None]] = []
        if kept:
            found.append(self._sale(str(number), choice, intended_us, sent_us))
        for place, (product, customer) in enumerate(extra):
            # An own draw of everything else would be seen by nobody: the slot's payment is taken.
            added = self._added(product, customer, choice)
            found.append(self._sale(f"{number}-{place}", added, intended_us, sent_us))
        return found

    def _added(self, product: int, customer: int, slot: Choice) -> Choice:
        """Return an additional sale of a product: a piece, at its price, never anomalous."""
        cents = int(self._prices[product])
        return product, cents, 1, slot[3], customer, NEVER, 0.0

    def next_sale(self, intended_us: int, sent_us: int) -> tuple[bytes, Label | None]:
        """Return the next sale as JSON, and the label if it is anomalous."""
        choice = self._next_choice()
        return self._sale(str(self._number - 1), choice, intended_us, sent_us)

    def _next_choice(self) -> Choice:
        if self._number % BATCH_SALES == 0:
            self._choose()
        self._number += 1
        return next(self._choices)

    def _sale(
        self, name: str, choice: Choice, intended_us: int, sent_us: int
    ) -> tuple[bytes, Label | None]:
        """Return a sale as JSON; its name within the run tells it from all others."""
        product, cents, quantity, payment, customer, lot, kind = choice
        label = injected = None
        if lot < self.anomaly_rate:
            injected = inject(kind, cents, quantity)
        elif self._wishes.sales and lot < NEVER:
            category = self._catalogue.products[product].category
            injected = self._wishes.inject(category, kind, cents, quantity)
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

    def _choose(self) -> None:
        """Make the next batch of choices; every batch draws the same amount of luck."""
        draws = self._luck.random((_DRAWS, BATCH_SALES))
        noise = np.exp(PRICE_NOISE * self._luck.standard_normal(BATCH_SALES))
        product = _pick(self._catalogue.product_shares, draws[0])
        cents = np.maximum(1, np.rint(self._prices[product] * noise)).astype(np.int64)
        self._choices = zip(
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
    """Return for each draw the place that it falls on; rounding of the sums falls on the last."""
    return np.minimum(np.searchsorted(shares, draws, side="right"), len(shares) - 1)


def _cheap(prices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which products cost no more than the middle one of their category."""
    shelves = prices.reshape(len(CATEGORIES), -1)
    cheap: NDArray[np.bool_] = shelves <= np.median(shelves, axis=1, keepdims=True)
    return cheap.ravel()


def _currency_shares(count: int) -> list[float]:
    if count == 1:
        return [1.0]
    return [FIRST_CURRENCY_SHARE] + [(1 - FIRST_CURRENCY_SHARE) / (count - 1)] * (count - 1)


def _product_part(product: Product) -> bytes:
    """Return the product's members of the JSON object, up to the one that varies."""
    members = {
        "productId": product.product_id,
        "productName": product.name,
        "productBrand": product.brand,
        "productCategory": product.category,
    }
    return msgspec.json.encode(members)[1:-1] + b","


def _payment_part(currency: str, method: str) -> bytes:
    return msgspec.json.encode({"currency": currency, "paymentMethod": method})[1:-1]
