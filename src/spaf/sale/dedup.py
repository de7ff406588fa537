"""Each sale once: of the copies that share an identifier, the one that was appended first.

Copies belong together if their append times lie in the same block. The order of the log decides
between them, by append time, then partition, then offset: never the order in which they are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from spaf.sale.contract import Sale

Sold = tuple[int, int, str, str]
"""Quantity, unit cents, currency, category: what a copy says, but not of when."""


class LogPosition(NamedTuple):
    """Where in the log a sale is; places order the copies of a sale."""

    append_ms: int
    partition: int
    offset: int


@dataclass(slots=True)
class Copies:
    """The copies of one sale."""

    place: LogPosition
    first: Sale
    copies: int = 1
    conflicting: bool = False
    """Whether two of them differ in category, currency, price or quantity."""

    def add(self, place: LogPosition, sale: Sale) -> None:
        """Take in another copy."""
        self.copies += 1
        self.conflicting = self.conflicting or sold(sale) != sold(self.first)
        if _order(place, sale) < _order(self.place, self.first):
            self.place, self.first = place, sale

    def join(self, other: Copies) -> None:
        """Take in the copies that another part of the log has of this sale."""
        conflicting = self.conflicting or other.conflicting
        copies = self.copies + other.copies
        self.add(other.place, other.first)
        self.copies, self.conflicting = copies, self.conflicting or conflicting

    def precedes(self, other: Copies) -> bool:
        """Tell whether the first of these copies is before the first of those."""
        return _order(self.place, self.first) < _order(other.place, other.first)


class Deduplicator:
    """Finds the first copies among accepted sales, given in any order."""

    def __init__(self, block_ms: int) -> None:
        """Start empty; `block_ms` is the length of a block, milliseconds."""
        self.sales: dict[tuple[int, str], Copies] = {}
        self._block_ms = block_ms

    def add(self, place: LogPosition, sale: Sale) -> None:
        """Take in an accepted sale that has an identifier."""
        if sale.transaction_id is None:
            raise ValueError("a sale without an identifier has no copies")
        key = place.append_ms // self._block_ms, sale.transaction_id
        known = self.sales.get(key)
        if known is None:
            self.sales[key] = Copies(place, sale)
        else:
            known.add(place, sale)

    def merge(self, other: Deduplicator) -> None:
        """Join what another part of the log holds."""
        for key, copies in other.sales.items():
            known = self.sales.get(key)
            if known is None:
                self.sales[key] = copies
            else:
                known.join(copies)

    def duplicates(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return, by start and end of the block, copies beyond the first and conflicting sales."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for (number, _), copies in self.sales.items():
            if copies.copies > 1:
                block = self.block(number)
                more, conflicting = found.get(block, (0, 0))
                found[block] = (more + copies.copies - 1, conflicting + copies.conflicting)
        return found

    def block(self, number: int) -> tuple[int, int]:
        """Return start and end of a block, seconds since the epoch."""
        return number * self._block_ms // 1_000, (number + 1) * self._block_ms // 1_000


def sold(sale: Sale) -> Sold:
    """Return what copies of a sale should agree on."""
    return sale.quantity, sale.unit_cents, sale.currency, sale.category


def _order(place: LogPosition, sale: Sale) -> tuple[object, ...]:
    """Return what the first copy has the least of.

    An array at the root is several sales in one place; between those their content decides, texts
    by their bytes.
    """
    texts = (sale.currency + sale.category).encode(errors="surrogatepass")
    return *place, sale.event_ms // 1_000, sale.quantity, sale.unit_cents, texts
