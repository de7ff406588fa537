"""Sales with an unusual price or quantity, computed with integer sums, in offset order.

Each sale is compared with all earlier sales of its group: the same partition, product, currency and
block of append time. Chunks of a log may be read in parallel. So sales are only stored when they
are read, and are scored once the sums that the chunk before leaves for each group are known.
"""

from __future__ import annotations

from decimal import Decimal
from math import exp, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spaf.sale.anomaly_kinds import SALE_KINDS
from spaf.sale.plain_batch import SaleColumns
from spaf.sale.validation import transaction_id
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
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spaf.sale import Sale

Block = tuple[int, int]
"""Partition, and number of the block of append time."""

# Factor of the threshold of the fast filter, which must not drop a sale near the threshold.
CAUTION = 1 - 1e-6
# Between the identifiers of a batch, which are stored as one text: single texts take ten times as
# long on their way to another process. A valid identifier has no control character.
SEPARATOR = "\n"


class SaleHistory(NamedTuple):
    """A sale, and the earlier sales of its group; logarithms are in whole thousandths."""

    cents: int
    quantity: int
    log_price: int
    log_quantity: int
    earlier_sales: int
    sum_log_price: int
    """Sum over the earlier sales; the next two likewise."""
    sum_squared_log_price: int
    sum_log_quantity: int


class Numbers(dict[Any, int]):
    """Numbers keys in the order in which they come."""

    def __missing__(self, key: Any) -> int:
        """Give a new key the next number."""
        number = self[key] = len(self)
        return number

    def of(self, keys: Sequence[Any]) -> NDArray[np.int64]:
        """Return the number of each key."""
        return np.fromiter(map(self.__getitem__, keys), np.int64, len(keys))


class GroupSums:
    """The sums over the sales of a block that are scored, by product and currency."""

    def __init__(self) -> None:
        """Start empty."""
        self._groups = Numbers()
        # A row each: number of sales; sums of log price, of its square, of log quantity.
        self._sums = np.zeros((4, 0), np.int64)

    def add(
        self, groups: Sequence[tuple[str, str]], rows: NDArray[np.int64], starts: NDArray[np.intp]
    ) -> NDArray[np.int64]:
        """Add sales, and return for each the sums of the earlier sales of its group.

        Args:
            groups: product and currency of each group.
            rows: what each sale adds to each sum; the sales of a group follow one another.
            starts: index of the first sale of each group.

        """
        columns = self._groups.of(groups)
        new = len(self._groups) - self._sums.shape[1]
        self._sums = np.pad(self._sums, ((0, 0), (0, new)))
        running: NDArray[np.int64] = np.cumsum(rows, axis=1) - rows
        before = self._sums[:, columns] - running[:, starts]
        sizes = np.diff(starts, append=rows.shape[1])
        self._sums[:, columns] += np.add.reduceat(rows, starts, axis=1)
        earlier: NDArray[np.int64] = running + np.repeat(before, sizes, axis=1)
        return earlier


class BlockSales:
    """The sales of a block that are not scored yet."""

    def __init__(self) -> None:
        """Start empty."""
        self._groups, self._categories = Numbers(), Numbers()
        # Of each batch a row each: group, offset, price in cents, quantity, category.
        self._numbers: list[NDArray[np.int64]] = []
        self._identifiers: list[str] = []

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Product and currency of each group, in the order of their numbers."""
        return list(self._groups)

    def add(self, offsets: NDArray[np.int64], columns: SaleColumns) -> None:
        """Store sales."""
        groups = self._groups.of(list(zip(columns.products, columns.currencies, strict=True)))
        categories = self._categories.of(columns.categories)
        numbers = (groups, offsets, columns.unit_cents, columns.quantities, categories)
        self._numbers.append(np.stack(numbers))
        texts = [text or "" for text in columns.transaction_ids]
        joined = SEPARATOR.join(texts)
        if joined.count(SEPARATOR) != len(texts) - 1:
            joined = SEPARATOR.join(transaction_id(text) or "" for text in texts)
        self._identifiers.append(joined)

    def by_group(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return index and numbers of each sale, ordered by group and offset."""
        numbers = np.concatenate(self._numbers, axis=1)
        order = np.argsort(numbers[1], kind="stable")
        # Numbers of up to two bytes are sorted by counting them, ten times as fast.
        groups = numbers[0].astype(np.min_scalar_type(len(self._groups)))
        order = order[np.argsort(groups[order], kind="stable")]
        return order, numbers[:, order]

    def texts(self, index: int) -> tuple[str | None, str]:
        """Return identifier and category of a sale; an invalid identifier is None."""
        for numbers, identifiers in zip(self._numbers, self._identifiers, strict=True):
            if index < numbers.shape[1]:
                identifier = transaction_id(identifiers.split(SEPARATOR)[index])
                return identifier, list(self._categories)[numbers[4, index]]
            index -= numbers.shape[1]
        raise IndexError(index)


class Outliers:
    """Stores sales as they are read, and scores them block by block."""

    def __init__(self, detection: Detection) -> None:
        """Start at the beginning of a log, or of a chunk of it."""
        self.alerts: dict[OutlierKey, SaleOutlier] = {}
        self.borderline: set[tuple[int, int]] = set()
        self._threshold = detection.outlier_score
        self._block_s = detection.outlier_hours * 3_600
        self._pending: dict[Block, BlockSales] = {}
        self._sums: dict[Block, GroupSums] = {}
        # Sales that came one by one, by partition: offset, second of append time, sale.
        self._single: dict[int, list[tuple[int, int, Sale]]] = {}

    def add(self, partition: int, offset: int, second: int, sale: Sale) -> None:
        """Store a sale; `second` is that of its append time."""
        self._single.setdefault(partition, []).append((offset, second, sale))

    def add_columns(
        self,
        partition: int,
        offsets: NDArray[np.int64],
        seconds: NDArray[np.int64],
        columns: SaleColumns,
    ) -> None:
        """Store sales of a partition, a column each."""
        blocks = seconds // self._block_s
        for block in np.unique(blocks).tolist():
            chosen = blocks == block
            pending = self._pending.setdefault((partition, block), BlockSales())
            pending.add(offsets[chosen], columns.where(chosen))

    def merge(self, later: Outliers) -> None:
        """Append the chunk that follows, whose sales are stored and not scored."""
        self.score()
        self._pending, self._single = later._pending, later._single
        self.score()

    def score(self) -> None:
        """Score the stored sales."""
        for partition, rows in self._single.items():
            offsets, seconds = np.array([row[:2] for row in rows]).T
            self.add_columns(partition, offsets, seconds, SaleColumns.of([row[2] for row in rows]))
        self._single = {}
        for block, sales in self._pending.items():
            self._score_block(block, sales)
        self._pending = {}

    def _score_block(self, block: Block, sales: BlockSales) -> None:
        """Score the sales of a block, and add them to its sums."""
        order, (groups, offsets, cents, quantities, _) = sales.by_group()
        prices, pieces = logs(cents + 1), logs(quantities)
        rows = np.stack([np.ones_like(prices), prices, prices * prices, pieces])
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        earlier = self._sums.setdefault(block, GroupSums()).add(sales.groups, rows, starts)
        divisor = np.maximum(earlier[0], 1)
        # Upper bound of the absolute score, by measure.
        bounds = [
            np.abs(prices - earlier[1] / divisor) / MIN_PRICE_SPREAD,
            np.abs(pieces - earlier[3] / divisor) / QUANTITY_SPREAD,
        ]
        suspect = np.maximum.reduce(bounds) > self._threshold * CAUTION
        for index in np.flatnonzero((earlier[0] >= MIN_HISTORY) & suspect).tolist():
            own = np.array([cents[index], quantities[index], prices[index], pieces[index]])
            history = SaleHistory(*own.tolist(), *earlier[:, index].tolist())
            self._score_sale((block[0], int(offsets[index])), history, sales, int(order[index]))

    def _score_sale(
        self, position: tuple[int, int], sale: SaleHistory, sales: BlockSales, index: int
    ) -> None:
        """Score one sale; `index` is its place in `sales`."""
        mean = sale.sum_log_price / sale.earlier_sales
        squares = sale.sum_squared_log_price - sale.sum_log_price * mean
        variance = squares / (sale.earlier_sales - 1)
        spread = min(max(sqrt(max(variance, 0.0)), MIN_PRICE_SPREAD), MAX_PRICE_SPREAD)
        mean_quantity = sale.sum_log_quantity / sale.earlier_sales
        # By measure of `spaf.sale.anomaly_kinds`: the score, and the expected amount in cents.
        scores = {
            "price": (sale.log_price - mean) / spread,
            "quantity": (sale.log_quantity - mean_quantity) / QUANTITY_SPREAD,
        }
        expected = {
            "price": (exp(mean / LOG_SCALE) - 1.0) * sale.quantity,
            "quantity": sale.cents * exp(mean_quantity / LOG_SCALE),
        }
        kind, borderline = classify(SALE_KINDS, scores, self._threshold)
        if borderline:
            self.borderline.add(position)
        if kind is None:
            return
        alert = SaleOutlier(
            *sales.texts(index),
            sale.cents * sale.quantity,
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
