"""Rows against rows, both ways, as EXCEPT ALL does: missing, ghost, unequal, and twice there.

Two things are left out or excused, and both are counted. A row that records behind the cut touch
is open: the tables may or may not hold them already. And a detection whose score rounding may move
across its threshold may be there or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from spaf.verify import ledger
from spaf.verify.answers import Answers, BlockDuplicates, SaleOutlier, TrafficAnomaly
from spaf.verify.tables import LEDGER, OUTLIERS, REPEATS, SUMMARY, SWINGS, TableRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spaf.sale import Reason

Key = TypeVar("Key", bound=tuple[int | str, ...])
Row = TypeVar("Row")

# Two programs round logarithms and roots differently in the last digits.
TOLERANCE = 1e-9
# An expected amount is told in whole cents.
CENT = 1.0

MISSING, GHOST, UNEQUAL, TWICE = "missing", "ghost", "unequal", "twice"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row, or one sum, that two sides do not agree on."""

    kind: str
    """`missing` from the tables, a `ghost` in the tables, `unequal`, or there `twice`."""
    table: str
    key: tuple[int | str, ...]
    expected: object
    """What the recomputation has; None for a ghost."""
    found: object
    """What the table has; None for a missing row."""

    def __str__(self) -> str:
        """Return one plain line; text of the data is escaped, for it may be hostile."""
        key = ", ".join(map(ascii, self.key))
        return (
            f"{self.table} ({key}) {self.kind}: expected {plain(self.expected)!a}, "
            f"found {plain(self.found)!a}"
        )


def plain(row: object) -> object:
    """Return a row as a tuple of its values, as it is printed."""
    return tuple(row) if isinstance(row, tuple) else row


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    records: int
    """Records before the cut; this and the next three are the recount's."""
    accepted: int
    late: int
    rejected: int
    unaccounted: int
    """Events that the ledger has too few or too many of, where it is settled.

    For each partition: the recount's sum against the table's, over the rows that are not open, of
    accepted, of late, and, if no row of the partition is open, of rejected events. The distances
    are added up, so that a surplus makes up for no loss. With nothing open, 0 means that each
    record before the cut has its outcome in the ledger.
    """
    differences: list[Difference]
    open_groups: int
    """Rows that were left out because records behind the cut touch them."""
    late_cents: int
    reasons: Mapping[Reason, int]
    rows: Mapping[str, int] = field(default_factory=dict)
    """Table → how many of its rows were compared."""
    disagreements: list[Difference] = field(default_factory=list)
    """What the two formulations do not agree on; `expected` is Python's, `found` is DuckDB's."""
    by_decoder: int = 0
    """Records that formulation two left to the decoder of formulation one."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → how long it took."""
    deduplicated: bool = False
    """Whether each transactionId counts once; else there are no duplicates."""
    duplicates: int = 0
    """Accepted records that do not count, because an earlier copy of the sale does."""
    complete_to: Mapping[int, int] = field(default_factory=dict)
    """For each partition the cut: the verdict is about the records before it."""

    @property
    def formulations_agree(self) -> bool:
        """Whether both formulations came to the same; if not, the verifier itself is at fault."""
        return not self.disagreements

    @property
    def exact(self) -> bool:
        """Whether everything that could be compared is equal."""
        return not self.differences and self.unaccounted == 0 and self.formulations_agree

    def as_dict(self) -> dict[str, object]:
        """Return the numbers for `--json`."""
        return {
            "records": self.records,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "late": self.late,
            "rejected": self.rejected,
            "unaccounted": self.unaccounted,
            "differences": len(self.differences),
            "exact": self.exact,
            "open": self.open_groups,
            "formulations_agree": self.formulations_agree,
            "rows": dict(self.rows),
            "records_by_decoder": self.by_decoder,
            "verify_seconds": {stage: round(took, 3) for stage, took in self.seconds.items()},
            "complete_to": {str(partition): to for partition, to in self.complete_to.items()},
        }


def compare(answers: Answers, tables: TableRows) -> Verdict:
    """Return what the tables and the answers do not agree on."""
    books = list(tables.ledger)
    sums = list(ledger.sums(answers, books))
    sides = [_summary(answers, tables), _ledger(answers, tables)]
    sides += [_outliers(answers, tables), _swings(answers, tables), _repeats(answers, tables)]
    return Verdict(
        records=answers.records,
        accepted=answers.accepted,
        late=answers.late,
        rejected=answers.rejected,
        unaccounted=sum(abs(part.expected - part.found) for part in sums),
        differences=[
            *(difference for side in sides for difference in side.differences),
            *_rejected_differences(sums),
        ],
        duplicates=answers.duplicates,
        deduplicated=answers.deduplicated,
        open_groups=len(answers.open_groups),
        late_cents=answers.late_cents,
        reasons=dict(answers.reasons),
        rows={side.table: side.compared for side in sides},
        complete_to=dict(answers.cut),
    )


@dataclass
class _TableComparison:
    """One table, compared."""

    table: str
    compared: int
    differences: list[Difference]


def _summary(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare sales and money; a group that is open is left out."""
    expected = {
        key: (group.count, group.units, Decimal(group.cents).scaleb(-2))
        for key, group in answers.summary.items()
        if key not in answers.open_summary
    }
    found = [
        (key, (row.sales_count, row.units_sold, row.total_sales))
        for row in tables.summary
        if (key := (row.second, row.category, row.currency)) not in answers.open_summary
    ]
    return _side(SUMMARY, expected, found)


def _ledger(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare what became of the records; an open second is left out."""
    expected = {
        key: row for key, row in ledger.bookings(answers).items() if key not in answers.open_ledger
    }
    found = [
        (key, row)
        for key, row in ledger.rows(answers, tables.ledger)
        if key not in answers.open_ledger
    ]
    return _side(LEDGER, expected, found, same=ledger.ExpectedLedgerRow.agrees)


def _outliers(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare unusual sales; those behind the cut may be missing, but not wrong."""
    found = [
        (
            (row.partition, row.offset, row.kind),
            SaleOutlier(
                row.transaction_id,
                row.category,
                _cents(row.amount),
                float(row.expected) * 100,
                row.score,
            ),
        )
        for row in tables.outliers
        if (row.partition, row.offset) not in answers.doubtful_offsets
    ]
    expected = {
        key: row for key, row in answers.outliers.items() if key[:2] not in answers.doubtful_offsets
    }
    return _side(OUTLIERS, expected, found, optional=answers.behind, same=same_outlier)


def _swings(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare unusual seconds; those that only later records close may be missing."""
    found = [
        (
            (row.second, row.category, row.kind),
            TrafficAnomaly(row.observed, row.expected, row.score),
        )
        for row in tables.swings
        if (row.second, row.category) not in answers.doubtful_seconds
    ]
    expected = {
        key: row for key, row in answers.swings.items() if key[:2] not in answers.doubtful_seconds
    }
    return _side(
        SWINGS, expected, found, optional=lambda key: key[0] >= answers.closed, same=same_swing
    )


def _repeats(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare what was not counted twice; a block that is open is left out."""
    expected = {k: row for k, row in answers.repeats.items() if k not in answers.open_repeats}
    found = [
        (key, BlockDuplicates(row.duplicates, row.conflicting))
        for row in tables.repeats
        if (key := (row.start, row.end)) not in answers.open_repeats
    ]
    return _side(REPEATS, expected, found)


def _cents(amount: Decimal) -> int | Decimal:
    """Return whole cents as an integer; what is none stays, and equals no integer."""
    whole = amount.is_finite() and amount.scaleb(2) == amount.scaleb(2).to_integral_value()
    return int(amount.scaleb(2)) if whole else amount


def same_outlier(expected: SaleOutlier, found: SaleOutlier) -> bool:
    """Compare exactly what is exact, and to within rounding what went through logarithms."""
    return (
        expected[:3] == found[:3]
        and abs(expected.expected - found.expected) <= CENT + TOLERANCE * abs(expected.expected)
        and close(expected.score, found.score)
    )


def same_swing(expected: TrafficAnomaly, found: TrafficAnomaly) -> bool:
    """Compare the count exactly, the mean and the score to within rounding."""
    return (
        expected.observed == found.observed
        and close(expected.expected, found.expected)
        and close(expected.score, found.score)
    )


def close(expected: float, found: float) -> bool:
    """Tell whether two results of floating point can be the same one."""
    return abs(expected - found) <= TOLERANCE * max(1.0, abs(expected))


def disagreements(one: Answers, two: Answers) -> list[Difference]:
    """Return what two formulations of the same log do not agree on."""
    doubtful = one.doubtful_offsets | two.doubtful_offsets
    seconds = one.doubtful_seconds | two.doubtful_seconds
    sides = [
        _side(SUMMARY, _values(one.summary), _values(two.summary)),
        _side(LEDGER, _values(one.ledger), _values(two.ledger)),
        _side(REPEATS, one.repeats, two.repeats),
        _side(
            OUTLIERS,
            {key: row for key, row in one.outliers.items() if key[:2] not in doubtful},
            {key: row for key, row in two.outliers.items() if key[:2] not in doubtful},
            same=same_outlier,
        ),
        _side(
            SWINGS,
            {key: row for key, row in one.swings.items() if key[:2] not in seconds},
            {key: row for key, row in two.swings.items() if key[:2] not in seconds},
            same=same_swing,
        ),
        _side("open rows", *(dict.fromkeys(side.open_groups) for side in (one, two))),
        _side("totals", {("log",): _totals(one)}, {("log",): _totals(two)}),
    ]
    return [difference for side in sides for difference in side.differences]


def _values(rows: Mapping[Key, object]) -> dict[Key, tuple[int, ...]]:
    """Return rows as tuples, which compare by value and print short."""
    return {
        key: tuple(getattr(row, name) for name in row.__dataclass_fields__)  # type: ignore[attr-defined]
        for key, row in rows.items()
    }


def _totals(answers: Answers) -> tuple[object, ...]:
    """Return what is one number a log."""
    return (answers.records, answers.accepted, answers.late, answers.late_cents, answers.closed)


def _rejected_differences(sums: Iterable[ledger.LedgerSum]) -> Iterator[Difference]:
    """Compare the rejections of partitions that have no row to compare."""
    for part in sums:
        if part.column == "rejected" and not part.legible and part.expected != part.found:
            key = (part.partition, part.column)
            yield Difference(UNEQUAL, LEDGER, key, part.expected, part.found)


def _equal(expected: Row, found: Row) -> bool:
    return expected == found


def _never(_key: Key) -> bool:
    return False


def _side(
    table: str,
    expected: Mapping[Key, Row],
    found: Mapping[Key, Row] | Iterable[tuple[Key, Row]],
    *,
    optional: Callable[[Key], bool] = _never,
    same: Callable[[Row, Row], bool] = _equal,
) -> _TableComparison:
    """Compare both ways: each expected row must be there once, and no other."""
    made = _TableComparison(table, 0, [])
    seen: set[Key] = set()
    for key, row in found.items() if isinstance(found, Mapping) else found:
        made.compared += 1
        if key in seen:
            made.differences.append(Difference(TWICE, table, key, expected.get(key), row))
        elif key not in expected:
            made.differences.append(Difference(GHOST, table, key, None, row))
        elif not same(expected[key], row):
            made.differences.append(Difference(UNEQUAL, table, key, expected[key], row))
        seen.add(key)
    for key, row in expected.items():
        if key not in seen and not optional(key):
            made.compared += 1
            made.differences.append(Difference(MISSING, table, key, row, None))
    return made
