"""The tables against the recount: each row, both ways, to the cent.

A group that is open, because records behind the recount's cut touch it, is left out. So is an open
ledger row, and then the sum of its partition's rejections too: the job cannot see an unreadable
record, the tables learn of it later, and not always in the second in which it was appended.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from operator import add
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from spaf.sale import Reason
    from spaf.verify.recount import LedgerKey, Recount

Key = TypeVar("Key", bound=tuple[int | str, ...])

SUMMARY = "sales_summary"
LEDGER = "ingest_ledger"
# Accepted and late of a second in which nothing could be read.
NOTHING = (0, 0)
COUNTS = ("accepted", "late", "rejected")


class SummaryRow(NamedTuple):
    """A row of `sales_summary`; `second` is the start of its window, since the epoch."""

    second: int
    category: str
    currency: str
    sales_count: int
    units_sold: int
    total_sales: Decimal


class LedgerRow(NamedTuple):
    """A row of `ingest_ledger`; `second` is its second of append time, since the epoch."""

    partition: int
    second: int
    accepted: int
    late: int
    rejected: int
    min_offset: int
    max_offset: int


@dataclass(frozen=True, slots=True)
class Tables:
    """What the database holds, read after the recount's cut was taken."""

    summary: Iterable[SummaryRow]
    ledger: Iterable[LedgerRow]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row, or one sum, that the tables and the recount do not agree on."""

    kind: str
    """`missing` from the tables, `ghost` in the tables, or `unequal`."""
    table: str
    key: tuple[int | str, ...]
    expected: object
    """What the recount has; None for a ghost."""
    found: object
    """What the table has; None for a missing row."""

    def __str__(self) -> str:
        """Return one plain line; text of the data is escaped, for it may be hostile."""
        key = ", ".join(map(ascii, self.key))
        return f"{self.table} ({key}) {self.kind}: expected {self.expected!a}, found {self.found!a}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    records: int
    """Records before the cut; this and the next three are the recount's."""
    accepted: int
    late: int
    rejected: int
    unaccounted: int
    """Events that the ledger has too few or too many of, where it is settled.

    For each partition: the recount's sum against the table's, over the rows that are not open, of
    accepted, of late, and, if no row of the partition is open, of rejected events. The distances
    are added up, so that a surplus makes up for no loss. With nothing open, 0 means that each
    record before the cut has its outcome in the ledger.
    """
    differences: list[Difference]
    open_groups: int
    """Rows of both tables that were left out because records behind the cut touch them."""
    late_cents: int
    reasons: Mapping[Reason, int]

    @property
    def exact(self) -> bool:
        """Whether everything that could be compared is equal."""
        return not self.differences and self.unaccounted == 0

    def as_dict(self) -> dict[str, int | bool]:
        """Return the numbers for `--json`."""
        return {
            "records": self.records,
            "accepted": self.accepted,
            "late": self.late,
            "rejected": self.rejected,
            "unaccounted": self.unaccounted,
            "differences": len(self.differences),
            "exact": self.exact,
            "open": self.open_groups,
        }


def compare(recount: Recount, tables: Tables) -> Verdict:
    """Return what the tables and the recount do not agree on."""
    ledger = list(tables.ledger)
    sums = list(_sums(recount, ledger))
    return Verdict(
        records=recount.records,
        accepted=recount.accepted,
        late=recount.late,
        rejected=recount.rejected,
        unaccounted=sum(abs(part.expected - part.found) for part in sums),
        differences=[
            *_summary_differences(recount, tables.summary),
            *_ledger_differences(recount, ledger),
            *_rejected_differences(sums),
        ],
        open_groups=len(recount.open_summary) + len(recount.open_ledger),
        late_cents=recount.late_cents,
        reasons=dict(recount.reasons),
    )


def _summary_differences(recount: Recount, rows: Iterable[SummaryRow]) -> Iterator[Difference]:
    expected = {
        key: (group.count, group.units, Decimal(group.cents).scaleb(-2))
        for key, group in recount.summary.items()
        if key not in recount.open_summary
    }
    found = {
        (row.second, row.category, row.currency): (row.sales_count, row.units_sold, row.total_sales)
        for row in rows
        if (row.second, row.category, row.currency) not in recount.open_summary
    }
    return _differences(SUMMARY, expected, found)


def _ledger_differences(recount: Recount, rows: Iterable[LedgerRow]) -> Iterator[Difference]:
    """Compare what the job sees; a second in which it saw no event needs no row on either side."""
    expected = {
        key: (intake.accepted, intake.late)
        for key, intake in recount.ledger.items()
        if key not in recount.open_ledger
    }
    found = {
        (row.partition, row.second): (row.accepted, row.late)
        for row in rows
        if (row.partition, row.second) not in recount.open_ledger
    }
    for difference in _differences(LEDGER, expected, found):
        if (difference.expected or NOTHING) != (difference.found or NOTHING):
            yield difference


class _Sum(NamedTuple):
    """A column of the ledger over the settled rows of a partition."""

    partition: int
    column: str
    expected: int
    found: int


def _sums(recount: Recount, rows: Iterable[LedgerRow]) -> Iterator[_Sum]:
    """Yield the sums that can be compared; of rejections only where the partition is settled."""
    expected = {
        key: (intake.accepted, intake.late, intake.rejected)
        for key, intake in recount.ledger.items()
    }
    found = {(row.partition, row.second): (row.accepted, row.late, row.rejected) for row in rows}
    left, right = (_by_partition(side, recount.open_ledger) for side in (expected, found))
    unsettled = {partition for partition, _ in recount.open_ledger}
    for partition in sorted({*left, *right}):
        for column, wanted, there in zip(COUNTS, left[partition], right[partition], strict=True):
            if column != "rejected" or partition not in unsettled:
                yield _Sum(partition, column, wanted, there)


def _by_partition(
    rows: Mapping[LedgerKey, tuple[int, int, int]], left_out: Container[LedgerKey]
) -> defaultdict[int, tuple[int, ...]]:
    """Return the three counts of each partition, over the rows that are not left out."""
    sums: defaultdict[int, tuple[int, ...]] = defaultdict(lambda: (0, 0, 0))
    for key, counts in rows.items():
        if key not in left_out:
            sums[key[0]] = tuple(map(add, sums[key[0]], counts))
    return sums


def _rejected_differences(sums: Iterable[_Sum]) -> Iterator[Difference]:
    """Compare the rejections of whole partitions; their seconds need not agree."""
    for partition, column, expected, found in sums:
        if column == "rejected" and expected != found:
            yield Difference("unequal", LEDGER, (partition, column), expected, found)


def _differences(
    table: str,
    expected: Mapping[Key, object],
    found: Mapping[Key, object],
) -> Iterator[Difference]:
    """Yield the rows that only one side has or that differ, first those of the recount."""
    for key, row in expected.items():
        if key not in found:
            yield Difference("missing", table, key, row, None)
        elif found[key] != row:
            yield Difference("unequal", table, key, row, found[key])
    for key, row in found.items():
        if key not in expected:
            yield Difference("ghost", table, key, None, row)
