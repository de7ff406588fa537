"""Formulation one: every record decoded and counted once more, in plain Python, with integers.

A log may be counted in stretches, each by a process of its own, and joined again in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spaf.sale import Late, Outcome, Reason, Rules, Sale, decode
from spaf.sale.dedup import Deduplicator, LogPosition
from spaf.sale.fast_path import parse_plain
from spaf.verify.answers import (
    UNREAD,
    Answers,
    BlockDuplicates,
    LedgerCounts,
    LedgerKey,
    SummaryKey,
    SummarySums,
)
from spaf.verify.outliers import Outliers
from spaf.verify.traffic import Counts, TrafficBaseline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spaf.verify.detection import Detection

UNREADABLE = (Reason.UNREADABLE,)

Row = tuple[int, int, int, bytes | None]
"""Partition, offset, append time in epoch milliseconds, value: a `spaf.sale.Record`."""


class PythonOracle:
    """Counts the records of a topic; those of one partition come in the order of their offsets."""

    def __init__(
        self,
        rules: Rules,
        cut: Mapping[int, int],
        detection: Detection,
        begin: Mapping[int, int] | None = None,
    ) -> None:
        """Start empty.

        Args:
            rules: what the contract leaves to the operator, as the job was told.
            cut: for each partition of the topic the first offset that is not counted; a partition
                that is not named has none that is.
            detection: what the job was told of detection.
            begin: the first offset of each partition.

        """
        self._answers = Answers(cut, begin or {}, deduplicated=rules.once_ms > 0)
        self._rules = rules
        self._detection = detection
        self._outliers = Outliers(detection)
        self._counts: Counts = {}
        # Sales that have an identifier, where each of those counts once.
        self._once = Deduplicator(rules.once_ms)
        self._behind = Deduplicator(rules.once_ms)
        # By partition: the second of the newest readable record behind the cut.
        self._newest_open: dict[int, int] = {}

    def beside(self) -> PythonOracle:
        """Return an empty one that counts by the same rules, for a stretch that follows."""
        return PythonOracle(self._rules, self._answers.cut, self._detection)

    def feed(self, records: Iterable[Row]) -> None:
        """Take in records; may be called again with more.

        The usual record, one plain sale in time and before the cut, is counted here and not by
        calls: a call costs as much as the counting, and there are millions.
        """
        cut, rules, see = self._answers.cut, self._rules, self._outliers.see
        summary = self._answers.summary
        most_ahead, most_late = -rules.max_ahead_ms, rules.max_lateness_ms
        once = self._once if rules.once_ms else None
        here, now = -1, -1
        for partition, offset, append_ms, value in records:
            sale = parse_plain(value, append_ms, rules) if value else None
            if (
                sale is None
                or not most_ahead <= append_ms - sale.event_ms <= most_late
                or offset >= cut.get(partition, 0)
            ):
                self._take(partition, offset, append_ms, value)
                continue
            second = append_ms // 1_000
            if second != now or partition != here:
                here, now = partition, second
                intake = self._intake((partition, second), offset)
                counts = self._counts.setdefault(second, {})
            intake.accepted += 1
            intake.readable = intake.max_offset = offset
            category, quantity = sale.category, sale.quantity
            counts[category] = counts.get(category, 0) + 1
            see(partition, offset, second, sale)
            if once is not None and sale.transaction_id is not None:
                once.add(LogPosition(append_ms, partition, offset), sale)
                continue
            key = (sale.event_ms // 1_000, category, sale.currency)
            group = summary.get(key)
            if group is None:
                group = summary[key] = SummarySums()
            group.count += 1
            group.units += quantity
            group.cents += sale.unit_cents * quantity

    def absorb(self, later: PythonOracle) -> None:
        """Join the stretch that follows in each of its partitions."""
        mine, theirs = self._answers, later._answers
        for key, group in theirs.summary.items():
            here = mine.summary.setdefault(key, SummarySums())
            here.count += group.count
            here.units += group.units
            here.cents += group.cents
        for place, intake in theirs.ledger.items():
            _join_intake(mine.ledger.setdefault(place, intake), intake)
        for second, categories in later._counts.items():
            counts = self._counts.setdefault(second, {})
            for category, count in categories.items():
                counts[category] = counts.get(category, 0) + count
        mine.open_summary |= theirs.open_summary
        mine.open_ledger |= theirs.open_ledger
        mine.late_cents += theirs.late_cents
        mine.reasons += theirs.reasons
        self._newest_open |= later._newest_open
        self._once.absorb(later._once)
        self._behind.absorb(later._behind)
        self._outliers.absorb(later._outliers)

    def answers(self) -> Answers:
        """Return what the records fed so far come to."""
        found = self._answers
        self._count_once()
        intakes = found.ledger.values()
        taken = sum(intake.accepted for intake in intakes)
        found.accepted = taken - found.duplicates
        found.late = sum(intake.late for intake in intakes)
        found.records = taken + found.late + sum(intake.rejected for intake in intakes)
        newest: dict[int, int] = {}
        for partition, second in (key for key, row in found.ledger.items() if row.readable >= 0):
            newest[partition] = max(newest.get(partition, 0), second)
        found.closed = self._closed(newest)
        traffic = TrafficBaseline(self._detection)
        traffic.judge(self._counts, self._closed(newest | self._newest_open))
        found.swings, found.doubtful_seconds = traffic.found, traffic.doubtful
        self._outliers.settle()
        found.outliers, found.doubtful_offsets = self._outliers.found, self._outliers.doubtful
        found.by_decoder = found.records
        return found

    def _count_once(self) -> None:
        """Count the first copy of each sale; what a copy behind the cut may change is open."""
        found = self._answers
        for copies in self._once.sales.values():
            self._add(copies.first)
        found.repeats = {
            block: BlockDuplicates(*counts) for block, counts in self._once.repeated().items()
        }
        for key, behind in self._behind.sales.items():
            found.open_repeats.add(self._once.block(key[0]))
            before = self._once.sales.get(key)
            if before is not None and behind.precedes(before):
                found.open_summary.add(summary_key(before.first))
        # What is counted is done: another call of answers must not count it again.
        self._once, self._behind = (
            Deduplicator(self._rules.once_ms),
            Deduplicator(self._rules.once_ms),
        )

    def _add(self, sale: Sale) -> None:
        group = self._group(sale)
        group.count += 1
        group.units += sale.quantity
        group.cents += sale.cents

    def _closed(self, newest: Mapping[int, int]) -> int:
        """Return the first second that not every partition has passed; only what is read counts."""
        return min((newest.get(partition, 0) for partition in self._answers.cut), default=0)

    def _take(self, partition: int, offset: int, append_ms: int, value: bytes | None) -> None:
        """Take in any record."""
        outcomes = decode(value, append_ms, self._rules)
        place = (partition, append_ms // 1_000)
        where = LogPosition(append_ms, partition, offset)
        if offset < self._answers.cut.get(partition, 0):
            self._count(place, where, outcomes)
        else:
            self._leave_open(place, where, outcomes)
        for sale in outcomes:
            if isinstance(sale, Sale):
                counts = self._counts.setdefault(place[1], {})
                counts[sale.category] = counts.get(sale.category, 0) + 1
                self._outliers.see(partition, offset, place[1], sale)

    def _count(self, place: LedgerKey, where: LogPosition, outcomes: tuple[Outcome, ...]) -> None:
        """Count a record: rejected is what is neither accepted nor late of the one that it is.

        Flink reads an array at the root as several sales under one offset. They are counted as
        sales, so that the sum over accepted, late and rejected stays the number of records.
        """
        found = self._answers
        intake = self._intake(place, where.offset)
        intake.rejected += 1
        if outcomes != UNREADABLE:
            intake.readable = where.offset
        for outcome in outcomes:
            if isinstance(outcome, Sale):
                intake.accepted += 1
                intake.rejected -= 1
                if self._counts_once(outcome):
                    self._once.add(where, outcome)
                else:
                    self._add(outcome)
            elif isinstance(outcome, Late):
                intake.late += 1
                intake.rejected -= 1
                found.late_cents += outcome.sale.cents
            else:
                found.reasons[outcome] += 1

    def _counts_once(self, sale: Sale) -> bool:
        return bool(self._rules.once_ms) and sale.transaction_id is not None

    def _leave_open(
        self, place: LedgerKey, where: LogPosition, outcomes: tuple[Outcome, ...]
    ) -> None:
        if outcomes != UNREADABLE:
            self._newest_open[place[0]] = place[1]
        self._answers.open_ledger.add(place)
        for sale in outcomes:
            if isinstance(sale, Sale):
                self._answers.open_summary.add(summary_key(sale))
                if self._counts_once(sale):
                    self._behind.add(where, sale)

    def _intake(self, place: LedgerKey, offset: int) -> LedgerCounts:
        """Return the ledger row of a record, with the record's offset in it."""
        intake = self._answers.ledger.get(place)
        if intake is None:
            intake = self._answers.ledger[place] = LedgerCounts(offset, offset)
        intake.max_offset = offset
        return intake

    def _group(self, sale: Sale) -> SummarySums:
        return self._answers.summary.setdefault(summary_key(sale), SummarySums())


def summary_key(sale: Sale) -> SummaryKey:
    """Return the summary row that counts a sale."""
    return sale.event_ms // 1_000, sale.category, sale.currency


def _join_intake(mine: LedgerCounts, later: LedgerCounts) -> None:
    """Add the part of a second that a later stretch has seen."""
    if mine is later:
        return
    mine.max_offset = later.max_offset
    mine.accepted += later.accepted
    mine.late += later.late
    mine.rejected += later.rejected
    mine.readable = later.readable if later.readable != UNREAD else mine.readable
