"""What a formulation of the proof comes to: the rows that the tables must hold, and their edges.

Both formulations give this one form, so that each can be compared with the tables and with the
other. Records that come while the tables are being read cannot be compared. So answers have a cut,
an end for each partition: records before it count, records behind it only mark what they touch.
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

SwingKey = tuple[int, str, str]
"""Second of append time since the epoch, category, kind."""

BlockKey = tuple[int, int]
"""Start and end of a block of append time, seconds since the epoch."""

UNREAD = -1
"""In the place of an offset: the job could read no record there."""


@dataclass(slots=True)
class SummarySums:
    """The sales of one summary row."""

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
    """A sale of an unusual price or quantity; amounts in cents."""

    transaction_id: str | None
    category: str
    cents: int | Decimal
    """Whole; a table may hold anything."""
    expected: float
    score: float


class TrafficAnomaly(NamedTuple):
    """A second of unusual traffic; sales observed and expected."""

    observed: int
    expected: float
    score: float


class BlockDuplicates(NamedTuple):
    """What a block of append time repeats, where each transactionId counts once."""

    duplicates: int
    """Copies beyond the first of their identifier."""
    conflicting: int
    """Identifiers whose copies differ in what was sold."""


@dataclass(slots=True)
class Answers:
    """Everything that a formulation found in the log."""

    cut: Mapping[int, int]
    """For each partition the first offset that is not counted."""
    begin: Mapping[int, int]
    """For each partition the first offset of the log; 0 where it is not named."""
    summary: dict[SummaryKey, SummarySums] = field(default_factory=dict)
    ledger: dict[LedgerKey, LedgerCounts] = field(default_factory=dict)
    outliers: dict[OutlierKey, SaleOutlier] = field(default_factory=dict)
    """Of records behind the cut too."""
    swings: dict[SwingKey, TrafficAnomaly] = field(default_factory=dict)
    """Of all seconds that the log has closed, behind the cut too."""
    repeats: dict[BlockKey, BlockDuplicates] = field(default_factory=dict)
    """Of blocks with duplicates only."""
    open_summary: set[SummaryKey] = field(default_factory=set)
    """Rows that records behind the cut touch; so is the next."""
    open_ledger: set[LedgerKey] = field(default_factory=set)
    open_repeats: set[BlockKey] = field(default_factory=set)
    closed: int = 0
    """First second of append time that the records before the cut do not close."""
    doubtful_offsets: set[tuple[int, int]] = field(default_factory=set)
    """Partition and offset of sales so near the threshold that rounding decides."""
    doubtful_seconds: set[tuple[int, str]] = field(default_factory=set)
    """Second and category, in the same way."""
    deduplicated: bool = False
    """Whether each transactionId counts once."""
    records: int = 0
    """Records before the cut; this and the next three."""
    accepted: int = 0
    late: int = 0
    late_cents: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    by_decoder: int = 0
    """Records that a formulation left to `spaf.sale.decode`."""

    @property
    def rejected(self) -> int:
        """How many records were neither accepted nor late, unreadable ones among them."""
        return self.records - self.accepted - self.duplicates - self.late

    @property
    def duplicates(self) -> int:
        """How many accepted records do not count, because an earlier copy does."""
        return sum(row.duplicates for row in self.repeats.values())

    @property
    def open_groups(self) -> set[SummaryKey | LedgerKey | BlockKey]:
        """The keys of sales, ledger and duplicates that records behind the cut touch."""
        return {*self.open_summary, *self.open_ledger, *self.open_repeats}

    def behind(self, key: OutlierKey) -> bool:
        """Say whether a sale lies behind the cut: its row may be there already, or not yet."""
        return key[1] >= self.cut.get(key[0], 0)
