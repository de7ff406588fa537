"""The rows of the tables, as the database returns them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUMMARY = "sales_summary"
LEDGER = "ingest_ledger"
OUTLIERS = "sale_anomaly"
TRAFFIC = "window_anomaly"
DUPLICATES = "duplicate_block"


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
    without_record: int = 0


class OutlierRow(NamedTuple):
    """A row of `sale_anomaly`."""

    partition: int
    offset: int
    kind: str
    transaction_id: str | None
    category: str
    amount: Decimal
    expected: Decimal
    score: float


class TrafficAnomalyRow(NamedTuple):
    """A row of `window_anomaly`; `second` is its second of append time, since the epoch."""

    second: int
    category: str
    kind: str
    observed: int
    expected: float
    score: float


class DuplicateBlockRow(NamedTuple):
    """A row of `duplicate_block`; start and end of the block, seconds since the epoch."""

    start: int
    end: int
    duplicates: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of all tables, read in one snapshot after the upper bound was set."""

    summary: Sequence[SummaryRow]
    ledger: Sequence[LedgerRow]
    outliers: Sequence[OutlierRow] = ()
    traffic: Sequence[TrafficAnomalyRow] = ()
    duplicate_blocks: Sequence[DuplicateBlockRow] = ()
    explained: Mapping[int, int] = field(default_factory=dict)
    """By partition the offset below which the quarantine has read every gap of the ledger.

    Above it, offsets without a record still count as rejected.
    """
    counted_from: Mapping[int, int] = field(default_factory=dict)
    """By partition the offset from which the tables were counted."""
    dropped_before: int | None = None
    """Rows of seconds before this one were dropped; None if none were."""
    dropped_offsets: Mapping[int, int] = field(default_factory=dict)
    """By partition the last readable record of the dropped seconds."""
