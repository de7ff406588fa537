"""The rank of each sale in its row of `sales_summary`, by order of arrival.

A row of `sales_summary` shows a count, not single sales. But sales enter a row in the order of
their arrival, so the sale of rank n is visible from the first moment at which the count is n or
more. This gives the latency of every sale, and not only of the first one in each row.

The order of arrival is exact inside one partition. Between partitions it is known to the
millisecond of the broker's append time.
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
    """One accepted sale; the position in the log gives its order inside the row."""

    append_ms: int
    partition: int
    offset: int
    intended: int | None
    sent: int | None


def ranked(records: Iterable[Record], rules: Rules) -> dict[Key, list[Arrival]]:
    """Return the sales of each row in the order of their arrival."""
    groups: dict[Key, list[Arrival]] = defaultdict(list)
    for position, sale in _counted(records, rules):
        key = (sale.event_ms // 1000, sale.category, sale.currency)
        groups[key].append(Arrival(*position, sale.intended_us, sale.sent_us))
    for sales in groups.values():
        sales.sort(key=lambda sale: sale[:3])
    return groups


def first_shown(shown: Sequence[tuple[T, int]], sales: int) -> list[T | None]:
    """Return for each rank from 1 to `sales` the first stamp whose count is at least the rank.

    Args:
        shown: stamps with the count of the row, in order.
        sales: number of sales of the row.

    Returns:
        One stamp a rank; None for a rank that no count reached.

    """
    visible: list[T | None] = []
    for stamp, count in shown:
        visible += [stamp] * (min(count, sales) - len(visible))
    return visible + [None] * (sales - len(visible))


def _counted(records: Iterable[Record], rules: Rules) -> Iterator[tuple[LogPosition, Sale]]:
    """Yield the sales that count; of deduplicated copies that is the first."""
    deduplicator = Deduplicator(rules.dedup_block_ms)
    for record in records:
        position = LogPosition(record.append_ms, record.partition, record.offset)
        for sale in decode(record.value, record.append_ms, rules):
            if isinstance(sale, Sale):
                if rules.dedup_block_ms and sale.transaction_id is not None:
                    deduplicator.add(position, sale)
                else:
                    yield position, sale
    yield from ((copies.position, copies.first) for copies in deduplicator.sales.values())
