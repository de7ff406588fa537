"""Sales of an unusual price or quantity, with sums of integers, in offset order.

Each sale is compared with all earlier ones of its partition, product, currency and block of append
time: a lane. A log may be walked through in stretches at the same time, so sales are only noted as
they come, and judged when it is known what the stretch before has left: numbers, by the lane.
"""

from __future__ import annotations

from array import array
from decimal import Decimal
from math import exp, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spaf.verify.answers import OutlierKey, SaleOutlier
from spaf.verify.detection import (
    LARGEST_SPREAD,
    LEAST_HISTORY,
    LEAST_SPREAD,
    LOG_SCALE,
    QUANTITY_SPREAD,
    Detection,
    near,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spaf.sale import Sale

LaneKey = tuple[int, str, str, int]
"""Partition, product, currency, block."""

# A first look passes over the usual sales; it must not pass over one near a threshold.
CAUTION = 1 - 1e-6


class OutlierGroup:
    """The sales of a lane in a stretch, a column each."""

    __slots__ = ("categories", "cents", "identifiers", "offsets", "quantities")

    def __init__(self) -> None:
        """Start without any."""
        self.offsets = array("q")
        self.cents = array("q")
        self.quantities = array("q")
        self.categories: list[str] = []
        self.identifiers: list[str | None] = []


class LogSums(NamedTuple):
    """What a lane has left: number of sales, and sums of their logarithms."""

    sales: int = 0
    prices: int = 0
    squares: int = 0
    quantities: int = 0


class Outliers:
    """Notes sales as they come, and judges them lane by lane."""

    def __init__(self, detection: Detection) -> None:
        """Start at the beginning of a log, or of a stretch of it."""
        self.found: dict[OutlierKey, SaleOutlier] = {}
        self.doubtful: set[tuple[int, int]] = set()
        self._threshold = detection.outlier_score
        self._block_seconds = detection.outlier_hours * 3_600
        self._noted: dict[LaneKey, OutlierGroup] = {}
        self._sums: dict[LaneKey, LogSums] = {}

    def see(self, partition: int, offset: int, second: int, sale: Sale) -> None:
        """Note a sale; `second` is that of its append time."""
        key = (partition, sale.product_id, sale.currency, second // self._block_seconds)
        lane = self._noted.get(key)
        if lane is None:
            lane = self._noted[key] = OutlierGroup()
        lane.offsets.append(offset)
        lane.cents.append(sale.unit_cents)
        lane.quantities.append(sale.quantity)
        lane.categories.append(sale.category)
        lane.identifiers.append(sale.transaction_id)

    def absorb(self, later: Outliers) -> None:
        """Join the stretch that follows, which has noted its sales only."""
        self.settle()
        self._noted = later._noted
        self.settle()

    def settle(self) -> None:
        """Judge what is noted."""
        for key, lane in self._noted.items():
            self._sums[key] = self._judge(key[0], lane, self._sums.get(key, LogSums()))
        self._noted = {}

    def _judge(self, partition: int, lane: OutlierGroup, left: LogSums) -> LogSums:
        """Judge the sales of a lane, and return what it leaves."""
        prices = logs(np.asarray(lane.cents) + 1)
        quantities = logs(np.asarray(lane.quantities))
        # By sale: how many were before it, and their sums. All are integers, so all are exact.
        before = left.sales + np.arange(len(prices))
        price_sums = left.prices + np.cumsum(prices) - prices
        square_sums = left.squares + np.cumsum(prices * prices) - prices * prices
        quantity_sums = left.quantities + np.cumsum(quantities) - quantities
        divisor = np.maximum(before, 1)
        far = np.abs(prices - price_sums / divisor) > self._threshold * LEAST_SPREAD * CAUTION
        many = quantities - quantity_sums / divisor > self._threshold * QUANTITY_SPREAD * CAUTION
        for at in np.flatnonzero((before >= LEAST_HISTORY) & (far | many)).tolist():
            earlier = LogSums(
                int(before[at]), int(price_sums[at]), int(square_sums[at]), int(quantity_sums[at])
            )
            self._apply(partition, lane, at, int(prices[at]), int(quantities[at]), earlier)
        return LogSums(
            left.sales + len(prices),
            left.prices + int(prices.sum()),
            left.squares + int((prices * prices).sum()),
            left.quantities + int(quantities.sum()),
        )

    def _apply(  # noqa: PLR0913, PLR0917 - a sale, and those before it
        self,
        partition: int,
        lane: OutlierGroup,
        at: int,
        price: int,
        quantity: int,
        earlier: LogSums,
    ) -> None:
        """Apply the rule to one sale, as it stands."""
        offset, threshold = lane.offsets[at], self._threshold
        mean = earlier.prices / earlier.sales
        variance = (earlier.squares - earlier.prices * mean) / (earlier.sales - 1)
        spread = min(max(sqrt(max(variance, 0.0)), LEAST_SPREAD), LARGEST_SPREAD)
        price_score = (price - mean) / spread
        usual = earlier.quantities / earlier.sales
        quantity_score = (quantity - usual) / QUANTITY_SPREAD
        by_quantity = abs(price_score) <= threshold
        edge = by_quantity and quantity_score > 0 and near(quantity_score, threshold)
        if edge or near(price_score, threshold):
            self.doubtful.add((partition, offset))
        if not by_quantity:
            kind, score = "high_price" if price_score > 0 else "low_price", price_score
            expected = (exp(mean / LOG_SCALE) - 1.0) * lane.quantities[at]
        elif quantity_score > threshold:
            kind, score = "bulk_quantity", quantity_score
            expected = lane.cents[at] * exp(usual / LOG_SCALE)
        else:
            return
        one = SaleOutlier(
            lane.identifiers[at],
            lane.categories[at],
            lane.cents[at] * lane.quantities[at],
            expected,
            score,
        )
        stand_for_record(self.found, self.doubtful, (partition, offset, kind), one)


def stand_for_record(
    found: dict[OutlierKey, SaleOutlier],
    doubtful: set[tuple[int, int]],
    key: OutlierKey,
    one: SaleOutlier,
) -> None:
    """Note an unusual sale; of several of one kind in a record the largest amount stands for it.

    Then the score decides, then category and identifier. Where rounding may have decided between
    two scores, the record is doubtful.
    """
    other = found.get(key)
    if other is None:
        found[key] = one
        return
    if one.cents == other.cents and near(one.score, abs(other.score)):
        doubtful.add(key[:2])
    found[key] = min(one, other, key=_place)


def _place(one: SaleOutlier) -> tuple[Decimal, float, str, str]:
    return -Decimal(one.cents), -abs(one.score), one.category, one.transaction_id or ""


def logs(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return natural logarithms in whole thousandths, halves rounded up."""
    return np.floor(np.log(numbers) * LOG_SCALE + 0.5).astype(np.int64)
