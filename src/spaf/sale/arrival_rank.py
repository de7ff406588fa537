"""Which sale of a row is the n-th, and so from when on a row that shows a count shows this sale.

A row of sales_summary shows a count, not sales. But sales enter a row in the order of their
arrival, so the n-th sale of a row is visible from the first moment at which the row shows n or
more. That gives the latency of every sale, not of the luckiest in each row.

With several partitions the order of arrival between two of them is known to a millisecond only
(the broker's append time); inside one partition it is exact.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from spaf.sale.codec import decode
from spaf.sale.contract import Rules, Sale
from spaf.sale.dedup import Deduplicator, LogPosition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spaf.sale.record import Record

# Second, category and currency of a row.
Key = tuple[int, str, str]
T = TypeVar("T")


class Arrival(NamedTuple):
    """One accepted sale; its place in the log orders it inside its row."""

    append_ms: int
    partition: int
    offset: int
    intended: int | None
    sent: int | None


def ranked(records: Iterable[Record], rules: Rules) -> dict[Key, list[Arrival]]:
    """Return the sales of each row in the order of their arrival."""
    groups: dict[Key, list[Arrival]] = defaultdict(list)
    for place, sale in _counted(records, rules):
        key = (sale.event_ms // 1000, sale.category, sale.currency)
        groups[key].append(Arrival(*place, sale.intended_us, sale.sent_us))
    for sales in groups.values():
        sales.sort(key=lambda sale: sale[:3])
    return groups


def first_shown(shown: Sequence[tuple[T, int]], sales: int) -> list[T | None]:
    """Return, for the ranks 1 to `sales`, the first stamp at which the count had reached them."""
    visible: list[T | None] = []
    for stamp, count in shown:
        visible += [stamp] * (min(count, sales) - len(visible))
    return visible + [None] * (sales - len(visible))


def _counted(records: Iterable[Record], rules: Rules) -> Iterator[tuple[LogPosition, Sale]]:
    """Yield the sales that count: where copies do not, the first of them."""
    once = Deduplicator(rules.once_ms)
    for record in records:
        place = LogPosition(record.append_ms, record.partition, record.offset)
        for sale in decode(record.value, record.append_ms, rules):
            if isinstance(sale, Sale):
                if rules.once_ms and sale.transaction_id is not None:
                    once.add(place, sale)
                else:
                    yield place, sale
    yield from ((copies.place, copies.first) for copies in once.sales.values())
