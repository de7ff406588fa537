"""What the contract says of records that were not accepted, as rows and as counts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from spaf.sale import Late, Outcome, Reason, Record, Rules, Sale, decode

LATE = "late"
ARRAY = "array"
"""A record with several sales counts once less than its sales."""
NO_RECORD = "no_record"
"""An offset that holds no record for a reader: a mark of a transaction, or cut by compaction."""
NOT_READ = "not_read"
"""Counted by the ledger, and not read again, because too many came at once."""
DISAGREEMENT = "disagreement"
"""What the ledger counts more, or less, than the contract says; never seen so far."""

LONGEST_PAYLOAD = 64 * 1024
"""Bytes of a record that are kept; a sensible sale is shorter, and the topic has the rest."""

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
    """What was counted of one span, by reason and currency; money in cents."""

    records: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    cents: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    late: int = 0
    rejected: int = 0
    read: int = 0

    def take(self, record: Record, rules: Rules) -> QuarantineRow | None:
        """Count a record; return its row if it is not a sale."""
        outcomes = decode(record.value, record.append_ms, rules)
        self.read += 1
        self._count(outcomes)
        found = next((o for o in outcomes if not isinstance(o, Sale)), None)
        return None if found is None else entry(record, found)

    def settle(self, late: int, rejected: int, offsets: int, *, whole: bool) -> None:
        """Count what the ledger has and was not found, so that the sums are the ledger's.

        Args:
            late: what the ledger says of the span.
            rejected: the same.
            offsets: how many offsets were looked at.
            whole: whether these were all; else the rest was not read.

        """
        self._add(NO_RECORD, offsets - self.read)
        self.rejected += offsets - self.read
        left_late, left_rejected = late - self.late, rejected - self.rejected
        if not whole and left_late >= 0 and left_rejected >= 0:
            self._add(LATE, left_late)
            self._add(NOT_READ, left_rejected)
        else:
            self._add(DISAGREEMENT, left_late + left_rejected)

    def disagrees(self, late: int, rejected: int) -> bool:
        """Whether the ledger has other counts than these, after all was read."""
        return (late, rejected) != (self.late, self.rejected)

    def _count(self, outcomes: tuple[Outcome, ...]) -> None:
        """Count as the ledger does: rejected is what is neither accepted nor late of the one."""
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


def entry(record: Record, outcome: Outcome) -> QuarantineRow:
    """Return the row of a record that was not accepted."""
    value = record.value
    kept = None if value is None else value[:LONGEST_PAYLOAD]
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
