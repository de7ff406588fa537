"""Why records were not accepted, by the contract: as rows and as counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from spaf.sale import Late, Outcome, Reason, Record, Rules, Sale, decode

LATE = "late"
ARRAY = "array"
"""Correction for a record with several sales: one less than its sales, below 0."""
NOT_READ = "not_read"
"""Counted by the ledger, but not read, because too many came at once."""
DISAGREEMENT = "disagreement"
"""Difference between the ledger's count and the contract's; never observed so far."""

MAX_PAYLOAD_BYTES = 64 * 1024
"""Bytes of a record that are kept. A valid sale is shorter, and the topic has the rest."""

NO_CURRENCY = ""


class QuarantineRow(NamedTuple):
    """A row of `quarantine`."""

    partition: int
    offset: int
    append_ms: int
    reason: str
    payload: bytes | None
    payload_bytes: int
    category: str | None = None
    currency: str | None = None
    amount: Decimal | None = None
    lateness_ms: int | None = None


@dataclass
class ReasonCounts:
    """Counts of one batch by reason and currency; money in cents."""

    records: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    cents: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    late: int = 0
    rejected: int = 0
    read: int = 0
    gaps: Counter[int] = field(default_factory=Counter)
    """Offsets without a record, by the first offset of their range of the ledger."""

    @property
    def without_record(self) -> int:
        """Offsets that hold no record: markers, aborted or compacted records."""
        return self.gaps.total()

    def add(self, record: Record, rules: Rules) -> QuarantineRow | None:
        """Count a record, and return its row if it was not accepted."""
        outcomes = decode(record.value, record.append_ms, rules)
        self.read += 1
        self._count(outcomes)
        refused = next((o for o in outcomes if not isinstance(o, Sale)), None)
        return None if refused is None else row_of(record, refused)

    def reconcile(self, late: int, rejected: int, *, whole: bool) -> None:
        """Count what only the ledger has, so that the sums equal the ledger's.

        Args:
            late: late records of the batch in the ledger.
            rejected: rejected records and offsets without a record of the batch in the ledger.
            whole: whether all offsets of the batch were read.

        """
        left_late = late - self.late
        left_rejected = rejected - self.rejected - self.without_record
        if not whole and left_late >= 0 and left_rejected >= 0:
            self._add(LATE, left_late)
            self._add(NOT_READ, left_rejected)
        else:
            self._add(DISAGREEMENT, left_late + left_rejected)

    def disagrees(self, late: int, rejected: int) -> bool:
        """Whether the ledger has other counts, after every offset was read."""
        return (late, rejected) != (self.late, self.rejected + self.without_record)

    def _count(self, outcomes: tuple[Outcome, ...]) -> None:
        """Count as the ledger does: a record is rejected unless its event is accepted or late."""
        self.rejected += 1
        for outcome in outcomes:
            if isinstance(outcome, Reason):
                self._add(outcome, 1)
                continue
            self.rejected -= 1
            if isinstance(outcome, Late):
                self.late += 1
                self._add(LATE, 1, outcome.sale.currency, outcome.sale.cents)
        self._add(ARRAY, 1 - len(outcomes))

    def _add(self, reason: str, records: int, currency: str = NO_CURRENCY, cents: int = 0) -> None:
        if records:
            self.records[reason, currency] += records
            self.cents[reason, currency] += cents


def row_of(record: Record, outcome: Outcome) -> QuarantineRow:
    """Return the row of a record that was not accepted."""
    value = record.value
    kept = None if value is None else value[:MAX_PAYLOAD_BYTES]
    size = 0 if value is None else len(value)
    if not isinstance(outcome, Late):
        return QuarantineRow(
            record.partition, record.offset, record.append_ms, str(outcome), kept, size
        )
    sale = outcome.sale
    return QuarantineRow(
        record.partition,
        record.offset,
        record.append_ms,
        LATE,
        kept,
        size,
        sale.category,
        sale.currency,
        Decimal(sale.cents).scaleb(-2),
        record.append_ms - sale.event_ms,
    )
