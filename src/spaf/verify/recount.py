"""The answers as the topic alone gives them: every record decoded and counted once more.

Records that are appended while the tables are being read cannot be compared. So a recount has a
cut, an end for each partition: records before it are counted, records behind it only mark the
groups that they touch as open, because the tables may or may not hold them already.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaf.sale import Late, Outcome, Reason, Record, Rules, Sale, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SummaryKey = tuple[int, str, str]
"""Second of event time since the epoch, category, currency."""

LedgerKey = tuple[int, int]
"""Partition, second of append time since the epoch."""


@dataclass(slots=True)
class Group:
    """The sales of one summary row."""

    count: int = 0
    units: int = 0
    cents: int = 0

    def add(self, sale: Sale) -> None:
        """Count one sale."""
        self.count += 1
        self.units += sale.quantity
        self.cents += sale.cents


@dataclass(slots=True)
class Intake:
    """The records of one ledger row; unreadable ones count as rejected."""

    min_offset: int
    max_offset: int
    accepted: int = 0
    late: int = 0
    rejected: int = 0


class Recount:
    """Counts the records of a topic; those of one partition come in the order of their offsets."""

    def __init__(self, rules: Rules, cut: Mapping[int, int]) -> None:
        """Start empty.

        Args:
            rules: what the contract leaves to the operator, as the job was told.
            cut: for each partition the first offset that is not counted; a partition that is not
                named has none that is.

        """
        self.summary: dict[SummaryKey, Group] = {}
        self.ledger: dict[LedgerKey, Intake] = {}
        self.open_summary: set[SummaryKey] = set()
        self.open_ledger: set[LedgerKey] = set()
        self.records = 0
        self.accepted = 0
        self.late = 0
        self.late_cents = 0
        self.reasons: Counter[Reason] = Counter()
        self._rules = rules
        self._cut = cut

    @property
    def rejected(self) -> int:
        """How many records were neither accepted nor late, unreadable ones among them."""
        return self.records - self.accepted - self.late

    @property
    def open_groups(self) -> set[SummaryKey | LedgerKey]:
        """The keys of both tables that records at or behind the cut touch."""
        return {*self.open_summary, *self.open_ledger}

    def feed(self, records: Iterable[Record]) -> None:
        """Take in records; may be called again with more."""
        for record in records:
            outcomes = decode(record.value, record.append_ms, self._rules)
            if record.offset < self._cut.get(record.partition, 0):
                self._count(record, outcomes)
            else:
                self._leave_open(record, outcomes)

    def _count(self, record: Record, outcomes: tuple[Outcome, ...]) -> None:
        """Count a record: rejected is what is neither accepted nor late of the one that it is.

        Flink reads an array at the root as several sales under one offset. They are counted as
        sales, so that the sum over accepted, late and rejected stays the number of records.
        """
        self.records += 1
        intake = self._intake(record)
        intake.rejected += 1
        for outcome in outcomes:
            if isinstance(outcome, Sale):
                intake.accepted += 1
                intake.rejected -= 1
                self.accepted += 1
                self._group(outcome).add(outcome)
            elif isinstance(outcome, Late):
                intake.late += 1
                intake.rejected -= 1
                self.late += 1
                self.late_cents += outcome.sale.cents
            else:
                self.reasons[outcome] += 1

    def _leave_open(self, record: Record, outcomes: tuple[Outcome, ...]) -> None:
        self.open_ledger.add(ledger_key(record))
        self.open_summary.update(
            summary_key(outcome) for outcome in outcomes if isinstance(outcome, Sale)
        )

    def _intake(self, record: Record) -> Intake:
        """Return the ledger row of a record, with the record's offset in it."""
        key = ledger_key(record)
        intake = self.ledger.get(key)
        if intake is None:
            intake = self.ledger[key] = Intake(record.offset, record.offset)
        intake.max_offset = record.offset
        return intake

    def _group(self, sale: Sale) -> Group:
        key = summary_key(sale)
        group = self.summary.get(key)
        if group is None:
            group = self.summary[key] = Group()
        return group


def summary_key(sale: Sale) -> SummaryKey:
    """Return the summary row that counts a sale."""
    return sale.event_ms // 1_000, sale.category, sale.currency


def ledger_key(record: Record) -> LedgerKey:
    """Return the ledger row that counts a record."""
    return record.partition, record.append_ms // 1_000
