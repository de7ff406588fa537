"""What the ledger must say, from what was counted: its rows, and its sums by partition.

The job cannot see a record that its decoder drops. The ledger finds it as a gap between offsets and
books it in the next second in which something could be read; at the end of the log, in the last.
"""

from __future__ import annotations

from collections import defaultdict
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from spaf.verify.answers import UNREAD, Answers, LedgerCounts, LedgerKey

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from spaf.verify.tables import LedgerRow

COUNTS = ("accepted", "late", "rejected")


class ExpectedLedgerRow(NamedTuple):
    """A row; None is what the ledger cannot know for certain yet."""

    accepted: int
    late: int
    rejected: int | None
    min_offset: int | None
    max_offset: int | None

    def agrees(self, row: ExpectedLedgerRow) -> bool:
        """Tell whether a row says the same, as far as that is known."""
        return all(mine is None or mine == theirs for mine, theirs in zip(self, row, strict=True))


def bookings(answers: Answers) -> dict[LedgerKey, ExpectedLedgerRow]:
    """Return the rows that the ledger must hold, by partition and second."""
    open_partitions = {partition for partition, _ in answers.open_ledger}
    found: dict[LedgerKey, ExpectedLedgerRow] = {}
    for partition, intakes in _by_partition(answers.ledger).items():
        before = answers.begin.get(partition, 0) - 1
        for place, (second, intake) in enumerate(intakes):
            last: int | None = intake.readable
            if place == len(intakes) - 1:
                # The end of the log: what follows unread is told to this row, unless more came.
                last = None if partition in open_partitions else answers.cut[partition] - 1
            gone = None if last is None else last - before - intake.accepted - intake.late
            found[partition, second] = ExpectedLedgerRow(
                intake.accepted, intake.late, gone, before + 1, last
            )
            before = intake.readable
    return found


def _by_partition(
    ledger: Mapping[LedgerKey, LedgerCounts],
) -> dict[int, list[tuple[int, LedgerCounts]]]:
    """Return the seconds of each partition in which something could be read, in order."""
    found: dict[int, list[tuple[int, LedgerCounts]]] = {}
    for (partition, second), intake in sorted(ledger.items(), key=lambda item: item[0]):
        if intake.readable != UNREAD:
            found.setdefault(partition, []).append((second, intake))
    return found


def rows(
    answers: Answers, table: Iterable[LedgerRow]
) -> Iterator[tuple[LedgerKey, ExpectedLedgerRow]]:
    """Yield the rows of the table that can be compared one by one.

    A partition in which nothing could be read has one row, under the second in which the job was
    known to have passed it; only its sum can be compared.
    """
    legible = {partition for (partition, _), row in answers.ledger.items() if row.readable >= 0}
    known = {partition for partition, _ in answers.ledger}
    for row in table:
        blank = row.accepted == row.late == 0 and row.partition in known - legible
        if not blank:
            yield (row.partition, row.second), ExpectedLedgerRow(*row[2:])


class LedgerSum(NamedTuple):
    """A column of the ledger over the settled rows of a partition."""

    partition: int
    column: str
    expected: int
    found: int
    legible: bool


def sums(answers: Answers, table: Iterable[LedgerRow]) -> Iterator[LedgerSum]:
    """Yield the sums that can be compared; of rejections only where the partition is settled."""
    expected = {
        key: (intake.accepted, intake.late, intake.rejected)
        for key, intake in answers.ledger.items()
    }
    found = [((row.partition, row.second), (row.accepted, row.late, row.rejected)) for row in table]
    left = _added(expected.items(), answers.open_ledger)
    right = _added(found, answers.open_ledger)
    unsettled = {partition for partition, _ in answers.open_ledger}
    legible = {partition for (partition, _), row in answers.ledger.items() if row.readable >= 0}
    for partition in sorted({*left, *right}):
        for column, wanted, there in zip(COUNTS, left[partition], right[partition], strict=True):
            if column != "rejected" or partition not in unsettled:
                yield LedgerSum(partition, column, wanted, there, partition in legible)


def _added(
    counts: Iterable[tuple[LedgerKey, tuple[int, int, int]]], left_out: Container[LedgerKey]
) -> defaultdict[int, tuple[int, ...]]:
    """Return the three counts of each partition, over the rows that are not left out."""
    found: defaultdict[int, tuple[int, ...]] = defaultdict(lambda: (0, 0, 0))
    for key, row in counts:
        if key not in left_out:
            found[key[0]] = tuple(map(add, found[key[0]], row))
    return found
