"""The Python oracle: decodes and counts every record again, with integers.

Usual records, plain sales in time and before the upper bound, are counted together, batch by batch:
sales that agree in both seconds, category and currency are one sum. All others are counted one by
one. A log may be counted in chunks, each by its own process, and merged in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaf.sale import Late, Outcome, Reason, Rules, Sale, decode
from spaf.sale.dedup import Deduplicator, LogPosition
from spaf.sale.plain_batch import SaleColumns, plain_sales
from spaf.sale.record import RecordBatch, batches
from spaf.verify.answers import (
    UNREAD,
    Answers,
    BlockDuplicates,
    LedgerCounts,
    LedgerKey,
    SummaryKey,
    SummarySums,
)
from spaf.verify.detection import MAX_REVENUE_CENTS, MINUTE_S
from spaf.verify.minutes import MinuteAlerts, add
from spaf.verify.outliers import Numbers, Outliers
from spaf.verify.traffic import Counts, Moments, TrafficBaseline, keep_latest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from spaf.verify.detection import Detection

UNREADABLE = (Reason.UNREADABLE,)

Row = tuple[int, int, int, bytes | None]
"""Partition, offset, append time in epoch milliseconds, value: a `spaf.sale.Record`."""


class PythonOracle:
    """Counts the records of a topic; those of one partition come in the order of their offsets."""

    def __init__(
        self,
        rules: Rules,
        upper_bound: Mapping[int, int],
        detection: Detection,
        begin: Mapping[int, int] | None = None,
    ) -> None:
        """Start empty.

        Args:
            rules: the contract settings of the job.
            upper_bound: for each partition of the topic the first offset that is not counted; of a
                partition that is missing no record is counted.
            detection: the detection settings of the job.
            begin: the first offset of each partition.

        """
        self._answers = Answers(upper_bound, begin or {}, deduplicated=rules.dedup_block_ms > 0)
        self._rules = rules
        self._detection = detection
        self._outliers = Outliers(detection)
        self._counts: Counts = {}
        self._last_sales: Moments = {}
        # Minute of append time → category → revenue in the default currency, cents.
        self._revenue: Counts = {}
        # Sales that have an identifier, if each identifier counts once.
        self._counted_copies = Deduplicator(rules.dedup_block_ms)
        self._open_copies = Deduplicator(rules.dedup_block_ms)
        # By partition: the second of the newest readable record after the upper bound.
        self._newest_open: dict[int, int] = {}

    def next_chunk(self) -> PythonOracle:
        """Return an empty oracle with the same rules, for a chunk that follows."""
        return PythonOracle(self._rules, self._answers.upper_bound, self._detection)

    def feed(self, records: Iterable[Row]) -> None:
        """Count records; may be called again with the records that follow."""
        for batch in batches(records):
            self.feed_batch(batch)

    def feed_batch(self, batch: RecordBatch) -> None:
        """Count records of a partition that follow one another."""
        partition, rules = batch.partition, self._rules
        offsets, append_ms = np.array(batch.offsets), np.array(batch.append_ms)
        plain = plain_sales(batch.values, batch.append_ms, rules)
        age_ms = append_ms[plain.rows] - plain.event_ms
        usual = plain.where(
            (age_ms >= -rules.max_ahead_ms)
            & (age_ms <= rules.max_lateness_ms)
            & (offsets[plain.rows] < self._answers.upper_bound.get(partition, 0))
            # The sum of a batch of such sales is a 64-bit integer.
            & (plain.unit_cents * plain.quantities <= MAX_REVENUE_CENTS)
        )
        self._add_sales(partition, offsets[usual.rows], append_ms[usual.rows], usual)
        for row in np.delete(np.arange(len(offsets)), usual.rows).tolist():
            record = batch.offsets[row], batch.append_ms[row], batch.values[row]
            self._add_record(partition, *record)

    def _add_sales(
        self,
        partition: int,
        offsets: NDArray[np.int64],
        append_ms: NDArray[np.int64],
        sales: SaleColumns,
    ) -> None:
        """Count usual sales of a partition."""
        if not len(offsets):
            return
        seconds = append_ms // 1_000
        self._add_to_ledger(partition, offsets, seconds)
        self._outliers.add_columns(partition, offsets, seconds, sales)
        copies = self._add_copies(partition, offsets, append_ms, sales)
        categories, currencies = Numbers(), Numbers()
        columns = (
            seconds,
            sales.event_ms // 1_000,
            categories.of(sales.categories),
            currencies.of(sales.currencies),
        )
        order = np.lexsort(columns[::-1])
        keys = np.stack(columns)[:, order]
        starts = np.flatnonzero(np.any(np.diff(keys, axis=1, prepend=-1), axis=0))
        summed = ~copies
        cents = sales.unit_cents * sales.quantities
        values = np.stack(
            [np.ones_like(cents), cents, summed, summed * sales.quantities, summed * cents]
        )
        sums = np.add.reduceat(values[:, order], starts, axis=1)
        newest_ms = np.maximum.reduceat(append_ms[order], starts)
        names, codes = list(categories), list(currencies)
        for second, event_second, category, currency, last_ms, *totals in np.vstack(
            [keys[:, starts], newest_ms, sums]
        ).T.tolist():
            key = event_second, names[category], codes[currency]
            self._add_group(second, key, *totals)
            keep_latest(self._last_sales, {second: {names[category]: last_ms % 1_000}})

    def _add_group(
        self, second: int, key: SummaryKey, sales: int, cents: int, *summed: int
    ) -> None:
        """Count sales that agree in second of append time and in the key of their summary row.

        Args:
            second: of append time.
            key: of the summary row.
            sales: number of sales.
            cents: their amount.
            summed: number, units and cents of those that the summary counts already.

        """
        _, category, currency = key
        add(self._counts.setdefault(second, {}), {category: sales})
        if currency == self._rules.default_currency:
            add(self._revenue.setdefault(second // MINUTE_S, {}), {category: cents})
        if summed[0]:
            count, units, amount = summed
            group = self._answers.summary.setdefault(key, SummarySums())
            group.count += count
            group.units += units
            group.cents += amount

    def _add_to_ledger(
        self, partition: int, offsets: NDArray[np.int64], seconds: NDArray[np.int64]
    ) -> None:
        """Count accepted records; each run of records of one second is one step."""
        starts = np.flatnonzero(np.diff(seconds, prepend=seconds[0] - 1))
        stops = np.append(starts[1:], len(seconds))
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            key = partition, int(seconds[start])
            counts = self._ledger_counts(key, int(offsets[start]), int(offsets[stop - 1]))
            counts.accepted += stop - start
            counts.readable = max(counts.readable, int(offsets[stop - 1]))

    def _add_copies(
        self,
        partition: int,
        offsets: NDArray[np.int64],
        append_ms: NDArray[np.int64],
        sales: SaleColumns,
    ) -> NDArray[np.bool_]:
        """Store the sales whose identifier counts once, and return which these are."""
        copies = np.zeros(len(offsets), bool)
        if self._rules.dedup_block_ms:
            for row, sale in enumerate(sales.each()):
                if sale.transaction_id is not None:
                    copies[row] = True
                    position = LogPosition(int(append_ms[row]), partition, int(offsets[row]))
                    self._counted_copies.add(position, sale)
        return copies

    def merge(self, later: PythonOracle) -> None:
        """Add the chunk that follows in each of its partitions."""
        own, other = self._answers, later._answers
        for key, group in other.summary.items():
            sums = own.summary.setdefault(key, SummarySums())
            sums.count += group.count
            sums.units += group.units
            sums.cents += group.cents
        for ledger_key, ledger_counts in other.ledger.items():
            _merge_ledger(own.ledger.setdefault(ledger_key, ledger_counts), ledger_counts)
        for own_totals, other_totals in (
            (self._counts, later._counts),
            (self._revenue, later._revenue),
        ):
            for moment, categories in other_totals.items():
                add(own_totals.setdefault(moment, {}), categories)
        keep_latest(self._last_sales, later._last_sales)
        own.open_summary |= other.open_summary
        own.open_ledger |= other.open_ledger
        own.late_cents += other.late_cents
        own.reasons += other.reasons
        self._newest_open |= later._newest_open
        self._counted_copies.merge(later._counted_copies)
        self._open_copies.merge(later._open_copies)
        self._outliers.merge(later._outliers)

    def answers(self) -> Answers:
        """Return the rows that follow from the records so far."""
        answers = self._answers
        self._count_first_copies()
        ledger = answers.ledger.values()
        accepted = sum(counts.accepted for counts in ledger)
        answers.accepted = accepted - answers.duplicates
        answers.late = sum(counts.late for counts in ledger)
        answers.records = accepted + answers.late + sum(counts.rejected for counts in ledger)
        newest: dict[int, int] = {}
        for (partition, second), counts in answers.ledger.items():
            if counts.readable >= 0:
                newest[partition] = max(newest.get(partition, 0), second)
        answers.closed = self._first_open_second(newest)
        traffic, minutes = TrafficBaseline(self._detection), MinuteAlerts(self._detection)
        closed = self._first_open_second(newest | self._newest_open)
        traffic.score(self._counts, self._last_sales, closed)
        minutes.score(self._counts, self._revenue, closed)
        answers.traffic = {**traffic.alerts, **minutes.alerts}
        answers.borderline_seconds = traffic.borderline
        answers.borderline_minutes = minutes.borderline
        self._outliers.score()
        answers.outliers = self._outliers.alerts
        answers.borderline_offsets = self._outliers.borderline
        answers.by_decoder = answers.records
        return answers

    def _count_first_copies(self) -> None:
        """Count the first copy of each sale; rows that a later copy may change are open."""
        answers = self._answers
        for copies in self._counted_copies.sales.values():
            self._add_sale(copies.first)
        answers.duplicate_blocks = {
            block: BlockDuplicates(*counts)
            for block, counts in self._counted_copies.duplicates().items()
        }
        for key, open_copies in self._open_copies.sales.items():
            answers.open_blocks.add(self._counted_copies.block(key[0]))
            counted = self._counted_copies.sales.get(key)
            if counted is not None and open_copies.precedes(counted):
                answers.open_summary.add(summary_key(counted.first))
        # Another call of `answers` must not count these copies again.
        self._counted_copies = Deduplicator(self._rules.dedup_block_ms)
        self._open_copies = Deduplicator(self._rules.dedup_block_ms)

    def _add_sale(self, sale: Sale) -> None:
        group = self._answers.summary.setdefault(summary_key(sale), SummarySums())
        group.count += 1
        group.units += sale.quantity
        group.cents += sale.cents

    def _first_open_second(self, newest: Mapping[int, int]) -> int:
        """Return the first second that not every partition has passed with a readable record."""
        return min((newest.get(partition, 0) for partition in self._answers.upper_bound), default=0)

    def _add_record(self, partition: int, offset: int, append_ms: int, value: bytes | None) -> None:
        """Count any record."""
        outcomes = decode(value, append_ms, self._rules)
        key = (partition, append_ms // 1_000)
        position = LogPosition(append_ms, partition, offset)
        if offset < self._answers.upper_bound.get(partition, 0):
            self._count(key, position, outcomes)
        else:
            self._mark_open(key, position, outcomes)
        for sale in outcomes:
            if isinstance(sale, Sale):
                counts = self._counts.setdefault(key[1], {})
                add(counts, {sale.category: 1})
                keep_latest(self._last_sales, {key[1]: {sale.category: append_ms % 1_000}})
                if sale.currency == self._rules.default_currency:
                    revenue = self._revenue.setdefault(key[1] // MINUTE_S, {})
                    add(revenue, {sale.category: min(sale.cents, MAX_REVENUE_CENTS)})
                self._outliers.add(partition, offset, key[1], sale)

    def _count(self, key: LedgerKey, position: LogPosition, outcomes: tuple[Outcome, ...]) -> None:
        """Count a record before the upper bound.

        Flink reads an array at the root as several sales with one offset. Each sale beyond the
        first lowers `rejected` by one, so that accepted, late and rejected add up to the number of
        records.
        """
        counts = self._ledger_counts(key, position.offset, position.offset)
        counts.rejected += 1
        if outcomes != UNREADABLE:
            counts.readable = max(counts.readable, position.offset)
        for outcome in outcomes:
            if isinstance(outcome, Sale):
                counts.accepted += 1
                counts.rejected -= 1
                if self._is_deduplicated(outcome):
                    self._counted_copies.add(position, outcome)
                else:
                    self._add_sale(outcome)
            elif isinstance(outcome, Late):
                counts.late += 1
                counts.rejected -= 1
                self._answers.late_cents += outcome.sale.cents
            else:
                self._answers.reasons[outcome] += 1

    def _is_deduplicated(self, sale: Sale) -> bool:
        return bool(self._rules.dedup_block_ms) and sale.transaction_id is not None

    def _mark_open(
        self, key: LedgerKey, position: LogPosition, outcomes: tuple[Outcome, ...]
    ) -> None:
        """Mark the rows that a record after the upper bound changes."""
        if outcomes != UNREADABLE:
            self._newest_open[key[0]] = key[1]
        self._answers.open_ledger.add(key)
        for sale in outcomes:
            if isinstance(sale, Sale):
                self._answers.open_summary.add(summary_key(sale))
                if self._is_deduplicated(sale):
                    self._open_copies.add(position, sale)

    def _ledger_counts(self, key: LedgerKey, first: int, last: int) -> LedgerCounts:
        """Return the ledger row of records, extended to their offsets."""
        counts = self._answers.ledger.get(key)
        if counts is None:
            counts = self._answers.ledger[key] = LedgerCounts(first, last)
        counts.min_offset = min(counts.min_offset, first)
        counts.max_offset = max(counts.max_offset, last)
        return counts


def summary_key(sale: Sale) -> SummaryKey:
    """Return the key of the summary row that counts a sale."""
    return sale.event_ms // 1_000, sale.category, sale.currency


def _merge_ledger(own: LedgerCounts, later: LedgerCounts) -> None:
    """Add the counts of a later chunk for the same second."""
    if own is later:
        return
    own.max_offset = later.max_offset
    own.accepted += later.accepted
    own.late += later.late
    own.rejected += later.rejected
    own.readable = later.readable if later.readable != UNREAD else own.readable
