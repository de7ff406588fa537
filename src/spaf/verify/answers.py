"""The result of one oracle: the rows that the tables must hold, and which of them are still open.

Both oracles return this form, so each can be compared with the tables and with the other. Records
that arrive while the tables are read cannot be compared. So a result has an upper bound, an offset
for each partition: records before it count, records after it only mark the rows that they change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from spaf.sale import Reason

SummaryKey = tuple[int, str, str]
"""Second of event time since the epoch, category, currency."""

LedgerKey = tuple[int, int]
"""Partition, second of append time since the epoch."""

OutlierKey = tuple[int, int, str]
"""Partition, offset, kind."""

TrafficKey = tuple[int, str, str]
"""Second of append time, or first second of the minute, since the epoch; category, kind."""

BlockKey = tuple[int, int]
"""Start and end of a block of append time, seconds since the epoch."""

UNREAD = -1
"""In place of an offset: the job could read no record."""


@dataclass(slots=True)
class SummarySums:
    """The sales of one row of `sales_summary`."""

    count: int = 0
    units: int = 0
    cents: int = 0


@dataclass(slots=True)
class LedgerCounts:
    """The records of one partition and second of append time; unreadable ones are rejected."""

    min_offset: int
    max_offset: int
    accepted: int = 0
    late: int = 0
    rejected: int = 0
    readable: int = UNREAD
    """The last offset that the job could read."""


class SaleOutlier(NamedTuple):
    """A sale with an unusual price or quantity; amounts in cents."""

    transaction_id: str | None
    category: str
    cents: int | Decimal
    """Whole cents; a row of the table may hold another value."""
    expected: float
    score: float


class TrafficAnomaly(NamedTuple):
    """A second or minute with unusual traffic; numbers of sales, or cents."""

    observed: int
    expected: float
    score: float


class BlockDuplicates(NamedTuple):
    """The duplicates of a block of append time in which each transactionId counts once."""

    duplicates: int
    """Copies after the first of their identifier."""
    conflicting: int
    """Identifiers whose copies differ in what was sold."""


@dataclass(slots=True)
class Answers:
    """All rows that an oracle computed from the log."""

    upper_bound: Mapping[int, int]
    """For each partition the first offset that is not counted."""
    begin: Mapping[int, int]
    """For each partition the first offset of the log; a missing partition starts at 0."""
    summary: dict[SummaryKey, SummarySums] = field(default_factory=dict)
    ledger: dict[LedgerKey, LedgerCounts] = field(default_factory=dict)
    outliers: dict[OutlierKey, SaleOutlier] = field(default_factory=dict)
    """Of the whole log, including records after the upper bound."""
    traffic: dict[TrafficKey, TrafficAnomaly] = field(default_factory=dict)
    """Of all seconds and minutes that the whole log closes."""
    duplicate_blocks: dict[BlockKey, BlockDuplicates] = field(default_factory=dict)
    """Only blocks that have duplicates."""
    open_summary: set[SummaryKey] = field(default_factory=set)
    """Rows of `sales_summary` that records after the upper bound change."""
    open_ledger: set[LedgerKey] = field(default_factory=set)
    """Rows of the ledger that records after the upper bound change."""
    open_blocks: set[BlockKey] = field(default_factory=set)
    """Blocks in which records after the upper bound have an identifier."""
    closed: int = 0
    """First second of append time that the records before the upper bound do not close."""
    borderline_offsets: set[tuple[int, int]] = field(default_factory=set)
    """Partition and offset of sales whose score is so near the threshold that rounding decides."""
    borderline_seconds: set[tuple[int, str]] = field(default_factory=set)
    """Second and category whose score is so near the threshold that rounding decides."""
    borderline_minutes: set[tuple[int, str]] = field(default_factory=set)
    """First second and category of minutes for whose alerts rounding may decide."""
    deduplicated: bool = False
    """Whether each transactionId counts once."""
    records: int = 0
    """Records before the upper bound."""
    accepted: int = 0
    """Accepted records before the upper bound, without duplicates."""
    late: int = 0
    """Late records before the upper bound."""
    late_cents: int = 0
    """Amount of these late records, cents."""
    reasons: Counter[Reason] = field(default_factory=Counter)
    """Rejected events of the log by reason."""
    by_decoder: int = 0
    """Records that the oracle left to `spaf.sale.decode`."""

    @property
    def rejected(self) -> int:
        """Number of records that are neither accepted nor late, including unreadable ones."""
        return self.records - self.accepted - self.duplicates - self.late

    @property
    def without_record(self) -> int:
        """Number of offsets before the upper bound that hold no record."""
        offsets = sum(end - self.begin.get(part, 0) for part, end in self.upper_bound.items())
        return offsets - self.records

    @property
    def duplicates(self) -> int:
        """Number of accepted records that do not count, because an earlier copy does."""
        return sum(row.duplicates for row in self.duplicate_blocks.values())

    @property
    def open_groups(self) -> set[SummaryKey | LedgerKey | BlockKey]:
        """Keys of summary, ledger and duplicates that records after the upper bound change."""
        return {*self.open_summary, *self.open_ledger, *self.open_blocks}

    def is_after_bound(self, key: OutlierKey) -> bool:
        """Return whether a sale is after the upper bound, so that its row may be missing yet."""
        return key[1] >= self.upper_bound.get(key[0], 0)
