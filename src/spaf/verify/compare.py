"""Compare rows in both directions, as EXCEPT ALL does: missing, unexpected, unequal, duplicate.

Two sorts of rows are left out, and both are counted. A row that records after the upper bound
change is open: the tables may or may not contain these records. An alert whose score is so near
its threshold that rounding decides may be present or not.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

import msgspec

from spaf.sale.anomaly_kinds import MINUTE_S, SECOND_S, window_s
from spaf.verify import ledger
from spaf.verify.answers import (
    Answers,
    BlockDuplicates,
    SaleOutlier,
    TrafficAnomaly,
    TrafficKey,
)
from spaf.verify.retained import ProvenFrom, Retained
from spaf.verify.tables import DUPLICATES, LEDGER, OUTLIERS, SUMMARY, TRAFFIC, TableRows

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from spaf.sale import Reason

Key = TypeVar("Key", bound=tuple[int | str, ...])
Row = TypeVar("Row")
A = TypeVar("A")
B = TypeVar("B")

# Two programs round logarithms and roots differently in the last digits.
TOLERANCE = 1e-9
# The job stores an expected amount in whole cents.
CENT = 1.0

MISSING, UNEXPECTED, UNEQUAL, DUPLICATE = "missing", "unexpected", "unequal", "duplicate"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row, or one sum, on which two sides differ."""

    kind: str
    """`missing` from the table, `unexpected` in it, `unequal`, or a `duplicate` of a row."""
    table: str
    key: tuple[int | str, ...]
    expected: object
    """Value of the recomputation; None for an unexpected row."""
    actual: object
    """Value of the table; None for a missing row."""

    def __str__(self) -> str:
        """Return one plain line; text from the data is escaped, because it may be hostile."""
        key = ", ".join(map(ascii, self.key))
        return (
            f"{self.table} ({key}) {self.kind}: expected {plain(self.expected)!a}, "
            f"found {plain(self.actual)!a}"
        )


def plain(row: object) -> object:
    """Return a row as a tuple of its values, for printing."""
    return tuple(row) if isinstance(row, tuple) else row


class VerdictReport(msgspec.Struct, frozen=True):
    """The fields of `spaf verify --json`."""

    records: int
    accepted: int
    duplicates: int
    late: int
    rejected: int
    without_record: int
    unaccounted: int
    differences: int
    exact: bool
    open: int
    formulations_agree: bool
    rows: Mapping[str, int]
    records_by_decoder: int
    verify_seconds: Mapping[str, float]
    complete_to: Mapping[int, int]
    proven_from: ProvenFrom | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification."""

    records: int
    """Records before the upper bound, as recomputed."""
    accepted: int
    """Accepted records before the upper bound, as recomputed, without duplicates."""
    late: int
    """Late records before the upper bound, as recomputed."""
    rejected: int
    """Rejected records before the upper bound, as recomputed."""
    unaccounted: int
    """Events that the ledger has too few or too many of, in rows that are not open.

    For each partition: the distance between the recomputed sum and the sum of the table, over the
    rows that are not open, of accepted, of late, and, if no row of the partition is open, of
    rejected events and of offsets without a record. The distances are added, so a surplus does not
    compensate a loss. If no row is open, 0 means that each record before the upper bound has its
    outcome in the ledger.
    """
    differences: list[Difference]
    open_groups: int
    """Rows that were left out because records after the upper bound change them."""
    late_cents: int
    reasons: Mapping[Reason, int]
    rows: Mapping[str, int] = field(default_factory=dict)
    """Table → number of its rows that were compared."""
    disagreements: list[Difference] = field(default_factory=list)
    """Differences between the oracles; `expected` is Python's value, `actual` is DuckDB's."""
    by_decoder: int = 0
    """Records that DuckDB left to the Python decoder."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → its duration, seconds."""
    deduplicated: bool = False
    """Whether each transactionId counts once; otherwise there are no duplicates."""
    duplicates: int = 0
    """Accepted records that do not count, because an earlier copy of the sale does."""
    without_record: int = 0
    """Offsets before the upper bound that hold no record: of transactions, or compacted."""
    complete_to: Mapping[int, int] = field(default_factory=dict)
    """For each partition the upper bound: the verdict covers the records before it."""
    proven_from: ProvenFrom | None = None
    """From where on rows were compared, if records or rows are gone; None if all were."""

    @property
    def formulations_agree(self) -> bool:
        """Whether both oracles computed the same; if not, the verifier itself is wrong."""
        return not self.disagreements

    @property
    def exact(self) -> bool:
        """Whether all rows that could be compared are equal."""
        return not self.differences and self.unaccounted == 0 and self.formulations_agree

    def report(self) -> VerdictReport:
        """Return the numbers for `--json`."""
        return VerdictReport(
            records=self.records,
            accepted=self.accepted,
            duplicates=self.duplicates,
            late=self.late,
            rejected=self.rejected,
            without_record=self.without_record,
            unaccounted=self.unaccounted,
            differences=len(self.differences),
            exact=self.exact,
            open=self.open_groups,
            formulations_agree=self.formulations_agree,
            rows=self.rows,
            records_by_decoder=self.by_decoder,
            verify_seconds={stage: round(took, 3) for stage, took in self.seconds.items()},
            complete_to=self.complete_to,
            proven_from=self.proven_from,
        )


def compare(answers: Answers, tables: TableRows, retained: Retained | None = None) -> Verdict:
    """Return the differences between the tables and the recomputed rows.

    Args:
        answers: the recomputed rows.
        tables: the rows of the tables.
        retained: from where on rows can be compared; without it, all can.

    """
    retained = retained or Retained()
    expected, actual = retained.answers(answers), retained.tables(tables)
    joined = set() if retained.whole else set(answers.upper_bound)
    sums = list(ledger.column_sums(expected, list(actual.ledger), actual.explained, joined))
    comparisons = [
        _compare_summary(expected, actual),
        _compare_ledger(expected, actual),
        _compare_outliers(expected, actual),
        _compare_traffic(expected, actual),
        _compare_duplicates(expected, actual),
    ]
    return Verdict(
        records=answers.records,
        accepted=answers.accepted,
        late=answers.late,
        rejected=answers.rejected,
        without_record=answers.without_record,
        unaccounted=sum(abs(part.expected - part.actual) for part in sums),
        differences=[
            *(difference for table in comparisons for difference in table.differences),
            *_rejected_differences(sums),
        ],
        duplicates=answers.duplicates,
        deduplicated=answers.deduplicated,
        open_groups=len(answers.open_groups),
        late_cents=answers.late_cents,
        reasons=dict(answers.reasons),
        rows={table.name: table.compared for table in comparisons},
        complete_to=dict(answers.upper_bound),
        proven_from=retained.report(),
    )


@dataclass
class _TableComparison:
    """The comparison of one table."""

    name: str
    compared: int
    differences: list[Difference]


def _compare_summary(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare sales and money; open rows are left out."""
    expected = {
        key: (group.count, group.units, Decimal(group.cents).scaleb(-2))
        for key, group in answers.summary.items()
        if key not in answers.open_summary
    }
    actual = [
        (key, (row.sales_count, row.units_sold, row.total_sales))
        for row in tables.summary
        if (key := (row.second, row.category, row.currency)) not in answers.open_summary
    ]
    return _compare_rows(SUMMARY, expected, actual)


def _compare_ledger(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare the outcomes of the records; open seconds are left out."""
    expected = {
        key: row
        for key, row in ledger.expected_rows(answers).items()
        if key not in answers.open_ledger
    }
    actual = [
        (key, row)
        for key, row in ledger.comparable_rows(answers, tables.ledger)
        if key not in answers.open_ledger
    ]
    return _compare_rows(LEDGER, expected, actual, same=ledger.ExpectedLedgerRow.agrees)


def _compare_outliers(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare anomalous sales; those after the upper bound may be missing, but not wrong."""
    borderline = answers.borderline_offsets
    actual = [
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
        if (row.partition, row.offset) not in borderline
    ]
    return _compare_rows(
        OUTLIERS,
        _without(answers.outliers, borderline),
        actual,
        optional=answers.is_after_bound,
        same=same_outlier,
    )


def _compare_traffic(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare anomalous seconds; those that only later records close may be missing."""
    borderline = borderline_windows(answers)
    actual = [
        (
            (row.second, row.category, row.kind),
            TrafficAnomaly(row.observed, row.expected, row.score),
        )
        for row in tables.traffic
        if (row.second, row.category) not in borderline[window_s(row.kind)]
    ]
    return _compare_rows(
        TRAFFIC,
        without_borderline(answers.traffic, borderline),
        actual,
        optional=lambda key: key[0] + window_s(key[2]) > answers.closed,
        same=same_traffic,
    )


def _compare_duplicates(answers: Answers, tables: TableRows) -> _TableComparison:
    """Compare the duplicates of each block; open blocks are left out."""
    expected = {
        key: row for key, row in answers.duplicate_blocks.items() if key not in answers.open_blocks
    }
    actual = [
        (key, BlockDuplicates(row.duplicates, row.conflicting))
        for row in tables.duplicate_blocks
        if (key := (row.start, row.end)) not in answers.open_blocks
    ]
    return _compare_rows(DUPLICATES, expected, actual)


Borderline = dict[int, set[tuple[int, str]]]
"""Length of a window → windows and categories for which rounding may decide."""


def borderline_windows(*sides: Answers) -> Borderline:
    """Return the windows that are borderline for one of the sides."""
    return {
        SECOND_S: set().union(*(side.borderline_seconds for side in sides)),
        MINUTE_S: set().union(*(side.borderline_minutes for side in sides)),
    }


def without_borderline(
    rows: Mapping[TrafficKey, TrafficAnomaly], borderline: Borderline
) -> dict[TrafficKey, TrafficAnomaly]:
    """Return the alerts of seconds and minutes that are not borderline."""
    return {key: row for key, row in rows.items() if key[:2] not in borderline[window_s(key[2])]}


def _without(
    rows: Mapping[tuple[A, B, str], Row], borderline: Container[tuple[A, B]]
) -> dict[tuple[A, B, str], Row]:
    """Return the alerts that are not borderline."""
    return {key: row for key, row in rows.items() if key[:2] not in borderline}


def _cents(amount: Decimal) -> int | Decimal:
    """Return whole cents as an integer; any other amount is returned as it is, equal to none."""
    whole = amount.is_finite() and amount.scaleb(2) == amount.scaleb(2).to_integral_value()
    return int(amount.scaleb(2)) if whole else amount


def same_outlier(expected: SaleOutlier, actual: SaleOutlier) -> bool:
    """Compare exact values exactly, and values that went through logarithms within rounding."""
    return (
        expected[:3] == actual[:3]
        and abs(expected.expected - actual.expected) <= CENT + TOLERANCE * abs(expected.expected)
        and close(expected.score, actual.score)
    )


def same_traffic(expected: TrafficAnomaly, actual: TrafficAnomaly) -> bool:
    """Compare the count exactly, the mean and the score within rounding."""
    return (
        expected.observed == actual.observed
        and close(expected.expected, actual.expected)
        and close(expected.score, actual.score)
    )


def close(expected: float, actual: float) -> bool:
    """Return whether two floating-point results differ by rounding only."""
    return abs(expected - actual) <= TOLERANCE * max(1.0, abs(expected))


def disagreements(first: Answers, two: Answers) -> list[Difference]:
    """Return the differences between the results of two oracles for the same log."""
    offsets = first.borderline_offsets | two.borderline_offsets
    windows = borderline_windows(first, two)
    comparisons = [
        _compare_rows(SUMMARY, _values(first.summary), _values(two.summary)),
        _compare_rows(LEDGER, _values(first.ledger), _values(two.ledger)),
        _compare_rows(DUPLICATES, first.duplicate_blocks, two.duplicate_blocks),
        _compare_rows(
            OUTLIERS,
            _without(first.outliers, offsets),
            _without(two.outliers, offsets),
            same=same_outlier,
        ),
        _compare_rows(
            TRAFFIC,
            without_borderline(first.traffic, windows),
            without_borderline(two.traffic, windows),
            same=same_traffic,
        ),
        _compare_rows("open rows", *(dict.fromkeys(side.open_groups) for side in (first, two))),
        _compare_rows("totals", {("log",): _totals(first)}, {("log",): _totals(two)}),
    ]
    return [difference for table in comparisons for difference in table.differences]


def _values(rows: Mapping[Key, object]) -> dict[Key, tuple[int, ...]]:
    """Return rows as tuples, which compare by value and print short."""
    return {
        key: tuple(getattr(row, name) for name in row.__dataclass_fields__)  # type: ignore[attr-defined]
        for key, row in rows.items()
    }


def _totals(answers: Answers) -> tuple[object, ...]:
    """Return the numbers that describe the whole log."""
    return (answers.records, answers.accepted, answers.late, answers.late_cents, answers.closed)


def _rejected_differences(sums: Iterable[ledger.LedgerSum]) -> Iterator[Difference]:
    """Compare the rejections of partitions that have no row to compare."""
    for part in sums:
        if (
            part.column in {"rejected", "without_record"}
            and not part.readable
            and part.expected != part.actual
        ):
            key = (part.partition, part.column)
            yield Difference(UNEQUAL, LEDGER, key, part.expected, part.actual)


def _never(_key: Key) -> bool:
    return False


def _compare_rows(
    table: str,
    expected: Mapping[Key, Row],
    actual: Mapping[Key, Row] | Iterable[tuple[Key, Row]],
    *,
    optional: Callable[[Key], bool] = _never,
    same: Callable[[Row, Row], bool] = operator.eq,
) -> _TableComparison:
    """Compare in both directions: each expected row must exist once, and no other row.

    Args:
        table: its name, for the differences.
        expected: the recomputed rows.
        actual: the rows of the table, in which a key may occur more than once.
        optional: whether an expected row may be missing.
        same: whether two rows under one key are equal.

    """
    result = _TableComparison(table, 0, [])
    seen: set[Key] = set()
    for key, row in actual.items() if isinstance(actual, Mapping) else actual:
        result.compared += 1
        if key in seen:
            result.differences.append(Difference(DUPLICATE, table, key, expected.get(key), row))
        elif key not in expected:
            result.differences.append(Difference(UNEXPECTED, table, key, None, row))
        elif not same(expected[key], row):
            result.differences.append(Difference(UNEQUAL, table, key, expected[key], row))
        seen.add(key)
    for key, row in expected.items():
        if key not in seen and not optional(key):
            result.compared += 1
            result.differences.append(Difference(MISSING, table, key, row, None))
    return result
