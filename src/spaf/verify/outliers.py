"""Sales with an unusual price or quantity, computed with integer sums, in offset order.

Each sale is compared with all earlier sales of its group: the same partition, product, currency and
block of append time. Chunks of a log may be read in parallel. So sales are only stored when they
are read, and are scored once the sums that the chunk before leaves for each group are known.
"""

from __future__ import annotations

from array import array
from decimal import Decimal
from math import exp, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spaf.sale.anomaly_kinds import SALE_KINDS
from spaf.verify.answers import OutlierKey, SaleOutlier
from spaf.verify.detection import (
    LOG_SCALE,
    MAX_PRICE_SPREAD,
    MIN_HISTORY,
    MIN_PRICE_SPREAD,
    QUANTITY_SPREAD,
    Detection,
    classify,
    near,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spaf.sale import Sale

GroupKey = tuple[int, str, str, int]
"""Partition, product, currency, block."""

# Factor of the threshold of the fast filter, which must not drop a sale near the threshold.
CAUTION = 1 - 1e-6


class OutlierGroup:
    """The sales of a group in a chunk, one array a column."""

    __slots__ = ("categories", "cents", "identifiers", "offsets", "quantities")

    def __init__(self) -> None:
        """Start empty."""
        self.offsets = array("q")
        self.cents = array("q")
        self.quantities = array("q")
        self.categories: list[str] = []
        self.identifiers: list[str | None] = []


class LogSums(NamedTuple):
    """Number of sales, and sums of their logarithms."""

    sales: int = 0
    prices: int = 0
    squares: int = 0
    quantities: int = 0


class Outliers:
    """Stores sales as they are read, and scores them group by group."""

    def __init__(self, detection: Detection) -> None:
        """Start at the beginning of a log, or of a chunk of it."""
        self.alerts: dict[OutlierKey, SaleOutlier] = {}
        self.borderline: set[tuple[int, int]] = set()
        self._threshold = detection.outlier_score
        self._block_s = detection.outlier_hours * 3_600
        self._pending: dict[GroupKey, OutlierGroup] = {}
        self._sums: dict[GroupKey, LogSums] = {}

    def add(self, partition: int, offset: int, second: int, sale: Sale) -> None:
        """Store a sale; `second` is that of its append time."""
        key = (partition, sale.product_id, sale.currency, second // self._block_s)
        group = self._pending.get(key)
        if group is None:
            group = self._pending[key] = OutlierGroup()
        group.offsets.append(offset)
        group.cents.append(sale.unit_cents)
        group.quantities.append(sale.quantity)
        group.categories.append(sale.category)
        group.identifiers.append(sale.transaction_id)

    def merge(self, later: Outliers) -> None:
        """Append the chunk that follows, whose sales are stored and not scored."""
        self.score()
        self._pending = later._pending
        self.score()

    def score(self) -> None:
        """Score the stored sales."""
        for key, group in self._pending.items():
            self._sums[key] = self._score_group(key[0], group, self._sums.get(key, LogSums()))
        self._pending = {}

    def _score_group(self, partition: int, group: OutlierGroup, before: LogSums) -> LogSums:
        """Score the sales of a group, and return the sums that include them."""
        prices = logs(np.asarray(group.cents) + 1)
        quantities = logs(np.asarray(group.quantities))
        # By sale: number and sums of the earlier sales. All are integers, so all are exact.
        earlier_sales = before.sales + np.arange(len(prices))
        price_sums = before.prices + np.cumsum(prices) - prices
        square_sums = before.squares + np.cumsum(prices * prices) - prices * prices
        quantity_sums = before.quantities + np.cumsum(quantities) - quantities
        divisor = np.maximum(earlier_sales, 1)
        # Upper bound of the absolute score, by measure.
        bounds = [
            np.abs(prices - price_sums / divisor) / MIN_PRICE_SPREAD,
            np.abs(quantities - quantity_sums / divisor) / QUANTITY_SPREAD,
        ]
        suspect = np.maximum.reduce(bounds) > self._threshold * CAUTION
        for index in np.flatnonzero((earlier_sales >= MIN_HISTORY) & suspect).tolist():
            earlier = LogSums(
                int(earlier_sales[index]),
                int(price_sums[index]),
                int(square_sums[index]),
                int(quantity_sums[index]),
            )
            logarithms = int(prices[index]), int(quantities[index])
            self._score_sale(partition, group, index, logarithms, earlier)
        return LogSums(
            before.sales + len(prices),
            before.prices + int(prices.sum()),
            before.squares + int((prices * prices).sum()),
            before.quantities + int(quantities.sum()),
        )

    def _score_sale(
        self,
        partition: int,
        group: OutlierGroup,
        index: int,
        logarithms: tuple[int, int],
        earlier: LogSums,
    ) -> None:
        """Score one sale, by the logarithms of its price and of its quantity."""
        unit_cents, pieces = group.cents[index], group.quantities[index]
        price, quantity = logarithms
        mean = earlier.prices / earlier.sales
        variance = (earlier.squares - earlier.prices * mean) / (earlier.sales - 1)
        spread = min(max(sqrt(max(variance, 0.0)), MIN_PRICE_SPREAD), MAX_PRICE_SPREAD)
        mean_quantity = earlier.quantities / earlier.sales
        # By measure of `spaf.sale.anomaly_kinds`: the score, and the expected amount in cents.
        scores = {
            "price": (price - mean) / spread,
            "quantity": (quantity - mean_quantity) / QUANTITY_SPREAD,
        }
        expected = {
            "price": (exp(mean / LOG_SCALE) - 1.0) * pieces,
            "quantity": unit_cents * exp(mean_quantity / LOG_SCALE),
        }
        position = (partition, group.offsets[index])
        kind, borderline = classify(SALE_KINDS, scores, self._threshold)
        if borderline:
            self.borderline.add(position)
        if kind is None:
            return
        alert = SaleOutlier(
            group.identifiers[index],
            group.categories[index],
            unit_cents * pieces,
            expected[kind.measure],
            scores[kind.measure],
        )
        keep_largest(self.alerts, self.borderline, (*position, kind.name), alert)


def keep_largest(
    alerts: dict[OutlierKey, SaleOutlier],
    borderline: set[tuple[int, int]],
    key: OutlierKey,
    alert: SaleOutlier,
) -> None:
    """Store an alert; of several of one kind in a record only the largest amount is kept.

    Equal amounts are ordered by score, then by category and identifier. If rounding may decide
    between two scores, the record is borderline.
    """
    other = alerts.get(key)
    if other is None:
        alerts[key] = alert
        return
    if alert.cents == other.cents and near(alert.score, abs(other.score)):
        borderline.add(key[:2])
    alerts[key] = min(alert, other, key=_order)


def _order(alert: SaleOutlier) -> tuple[Decimal, float, str, str]:
    return -Decimal(alert.cents), -abs(alert.score), alert.category, alert.transaction_id or ""


def logs(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return natural logarithms in whole thousandths, halves rounded up."""
    return np.floor(np.log(numbers) * LOG_SCALE + 0.5).astype(np.int64)
