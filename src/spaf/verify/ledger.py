"""The rows that the ledger must hold, and its sums by partition.

The job does not see a record that its decoder drops, nor an offset without a record. The ledger
derives both from the gap between two offsets, and counts them in the next second with a readable
record; at the end of the log in the last. The quarantine reads the gaps and distinguishes them.
"""

from __future__ import annotations

from collections import defaultdict
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from spaf.verify.answers import UNREAD, Answers, LedgerCounts, LedgerKey

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from spaf.verify.tables import LedgerRow

COUNTS = ("accepted", "late", "rejected", "without_record")
Sums = tuple[int, int, int, int]


class ExpectedLedgerRow(NamedTuple):
    """A row of the ledger; None is a value that is not certain yet."""

    accepted: int
    late: int
    others: int | None
    """Rejected records, and offsets without a record."""
    min_offset: int | None
    max_offset: int | None

    def agrees(self, row: ExpectedLedgerRow) -> bool:
        """Return whether a row has the same values, as far as they are known."""
        return all(own is None or own == other for own, other in zip(self, row, strict=True))


def expected_rows(answers: Answers) -> dict[LedgerKey, ExpectedLedgerRow]:
    """Return the rows that the ledger must hold, by partition and second."""
    open_partitions = {partition for partition, _ in answers.open_ledger}
    expected: dict[LedgerKey, ExpectedLedgerRow] = {}
    for partition, seconds in _by_partition(answers.ledger).items():
        before = answers.begin.get(partition, 0) - 1
        for index, (second, counts) in enumerate(seconds):
            last: int | None = counts.readable
            if index == len(seconds) - 1:
                # The last row also counts the unreadable records that end the log, if it has ended.
                last = None if partition in open_partitions else answers.upper_bound[partition] - 1
            others = None if last is None else last - before - counts.accepted - counts.late
            expected[partition, second] = ExpectedLedgerRow(
                counts.accepted, counts.late, others, before + 1, last
            )
            before = counts.readable
    return expected


def _by_partition(
    ledger: Mapping[LedgerKey, LedgerCounts],
) -> dict[int, list[tuple[int, LedgerCounts]]]:
    """Return the seconds of each partition that have a readable record, in order."""
    partitions: dict[int, list[tuple[int, LedgerCounts]]] = {}
    for (partition, second), counts in sorted(ledger.items(), key=lambda item: item[0]):
        if counts.readable != UNREAD:
            partitions.setdefault(partition, []).append((second, counts))
    return partitions


def comparable_rows(
    answers: Answers, table: Iterable[LedgerRow]
) -> Iterator[tuple[LedgerKey, ExpectedLedgerRow]]:
    """Yield the rows of the table that can be compared one by one.

    A partition without a readable record has one row, whose second depends on when the job passed
    the records; only its sum can be compared.
    """
    readable = _readable_partitions(answers)
    for row in table:
        blank = row.accepted == row.late == 0 and row.partition in {*answers.upper_bound} - readable
        if not blank:
            yield (
                (row.partition, row.second),
                ExpectedLedgerRow(
                    row.accepted,
                    row.late,
                    row.rejected + row.without_record,
                    row.min_offset,
                    row.max_offset,
                ),
            )


class LedgerSum(NamedTuple):
    """The sum of a column of the ledger over the rows of a partition that are not open."""

    partition: int
    column: str
    expected: int
    actual: int
    readable: bool
    """Whether the partition has a readable record."""


def column_sums(
    answers: Answers,
    table: Iterable[LedgerRow],
    explained: Mapping[int, int],
    joined: Container[int] = (),
) -> Iterator[LedgerSum]:
    """Yield the sums that can be compared; of rejections only if no row of it is open.

    Offsets without a record are rejections until the quarantine has read them.

    Args:
        answers: the recomputed rows.
        table: the rows of the ledger.
        explained: by partition the offset below which the quarantine has read every gap.
        joined: partitions that are compared in part: the first row may count unreadable records of
            the second before it, so both sorts are compared together.

    """
    expected = [
        (key, (counts.accepted, counts.late, counts.rejected, 0))
        for key, counts in answers.ledger.items()
    ]
    actual = [
        ((row.partition, row.second), (row.accepted, row.late, row.rejected, row.without_record))
        for row in table
    ]
    left = _sum_by_partition(expected, answers.open_ledger)
    right = _sum_by_partition(actual, answers.open_ledger)
    open_partitions = {partition for partition, _ in answers.open_ledger}
    readable = _readable_partitions(answers)
    for partition in sorted({*left, *right}):
        recomputed, stored = left[partition], right[partition]
        if partition not in open_partitions:
            end = answers.upper_bound.get(partition, 0)
            offsets = end - answers.begin.get(partition, 0)
            recomputed = (*recomputed[:3], offsets - sum(recomputed[:3]))
            if explained.get(partition, 0) < end or partition in joined:
                recomputed, stored = _joined(recomputed), _joined(stored)
        for column, computed, other in zip(COUNTS, recomputed, stored, strict=True):
            if column in COUNTS[:2] or partition not in open_partitions:
                yield LedgerSum(partition, column, computed, other, partition in readable)


def _joined(sums: Sums) -> Sums:
    """Return the sums with the offsets without a record among the rejections."""
    accepted, late, rejected, without_record = sums
    return accepted, late, rejected + without_record, 0


def _readable_partitions(answers: Answers) -> set[int]:
    """Return the partitions that have a readable record."""
    return {partition for (partition, _), row in answers.ledger.items() if row.readable >= 0}


def _sum_by_partition(
    counts: Iterable[tuple[LedgerKey, Sums]], left_out: Container[LedgerKey]
) -> defaultdict[int, Sums]:
    """Return the counts of each partition, over the rows that are not left out."""
    totals: defaultdict[int, Sums] = defaultdict(lambda: (0, 0, 0, 0))
    for key, row in counts:
        if key not in left_out:
            accepted, late, rejected, without_record = map(add, totals[key[0]], row)
            totals[key[0]] = accepted, late, rejected, without_record
    return totals
