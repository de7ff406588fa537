"""Deduplication: of the copies that share an identifier, the one that was appended first counts.

Two sales are copies if they have the same identifier and append times in the same block. The first
copy is that with the least append time, then partition, then offset, whatever the order of reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from spaf.sale.contract import Sale

Sold = tuple[int, int, str, str]
"""Quantity, unit cents, currency, category: the content of a copy without its times."""


class LogPosition(NamedTuple):
    """Position of a sale in the log; positions order the copies of a sale."""

    append_ms: int
    partition: int
    offset: int


@dataclass(slots=True)
class Copies:
    """The copies of one sale."""

    position: LogPosition
    first: Sale
    copies: int = 1
    conflicting: bool = False
    """Whether two copies differ in category, currency, price or quantity."""

    def add(self, position: LogPosition, sale: Sale) -> None:
        """Add another copy."""
        self.copies += 1
        self.conflicting = self.conflicting or sold(sale) != sold(self.first)
        if _order(position, sale) < _order(self.position, self.first):
            self.position, self.first = position, sale

    def merge(self, other: Copies) -> None:
        """Add the copies of this sale in another part of the log."""
        conflicting = self.conflicting or other.conflicting
        copies = self.copies + other.copies
        self.add(other.position, other.first)
        self.copies, self.conflicting = copies, self.conflicting or conflicting

    def precedes(self, other: Copies) -> bool:
        """Return whether the first of these copies is before the first of the other copies."""
        return _order(self.position, self.first) < _order(other.position, other.first)


class Deduplicator:
    """Finds the first copies among accepted sales, which may be added in any order."""

    def __init__(self, block_ms: int) -> None:
        """Start empty; `block_ms` is the length of a block, milliseconds."""
        self.sales: dict[tuple[int, str], Copies] = {}
        self._block_ms = block_ms

    def add(self, position: LogPosition, sale: Sale) -> None:
        """Add an accepted sale that has an identifier.

        Raises:
            ValueError: the sale has no identifier.

        """
        if sale.transaction_id is None:
            raise ValueError("a sale without an identifier has no copies")
        key = position.append_ms // self._block_ms, sale.transaction_id
        known = self.sales.get(key)
        if known is None:
            self.sales[key] = Copies(position, sale)
        else:
            known.add(position, sale)

    def merge(self, other: Deduplicator) -> None:
        """Add the copies in another part of the log."""
        for key, copies in other.sales.items():
            known = self.sales.get(key)
            if known is None:
                self.sales[key] = copies
            else:
                known.merge(copies)

    def duplicates(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the number of duplicates and of conflicting identifiers of each block.

        Blocks are keyed by start and end, seconds since the epoch; blocks without a duplicate are
        left out.
        """
        counts: dict[tuple[int, int], tuple[int, int]] = {}
        for (number, _), copies in self.sales.items():
            if copies.copies > 1:
                block = self.block(number)
                duplicates, conflicting = counts.get(block, (0, 0))
                counts[block] = (
                    duplicates + copies.copies - 1,
                    conflicting + copies.conflicting,
                )
        return counts

    def block(self, number: int) -> tuple[int, int]:
        """Return start and end of a block by its number, seconds since the epoch."""
        return number * self._block_ms // 1_000, (number + 1) * self._block_ms // 1_000


def sold(sale: Sale) -> Sold:
    """Return the values in which the copies of a sale should agree."""
    return sale.quantity, sale.unit_cents, sale.currency, sale.category


def _order(position: LogPosition, sale: Sale) -> tuple[object, ...]:
    """Return the sort key of a copy.

    The sales of an array at the root share one position; they are ordered by content, texts by
    their bytes.
    """
    texts = (sale.currency + sale.category).encode(errors="surrogatepass")
    return *position, sale.event_ms // 1_000, sale.quantity, sale.unit_cents, texts
