"""Kinds of damage that the verifier must detect: each changes a closed row of one table.

A damage is a function of a random number generator, the recomputed rows and the tables. It returns
tables with one error. `spaf.bench.selftest.selftest` adds the damages of a job that read another
log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from spaf.sale.anomaly_kinds import SALE_KINDS, WINDOW_KINDS, AnomalyKind, window_s
from spaf.verify.answers import Answers
from spaf.verify.compare import borderline_windows
from spaf.verify.ledger import expected_rows
from spaf.verify.tables import (
    DuplicateBlockRow,
    LedgerRow,
    OutlierRow,
    SummaryRow,
    TableRows,
    TrafficAnomalyRow,
)

Damage = Callable[[Random, Answers, TableRows], TableRows | None]
"""Returns None if the tables have no row that can be damaged in this way."""

CENT = Decimal("0.01")
# An error far below a cent, as summing binary fractions makes it.
ROUNDING_ERROR = Decimal("1E-12")
# Relative change of a score: larger than rounding, smaller than a printed score shows.
SCORE_CHANGE = 1e-6
HOUR_S = 3_600


def closed_rows(table: str, answers: Answers, tables: TableRows) -> list[int]:
    """Return the indexes of a table's rows that no record after the upper bound changes."""
    certain = {key for key, row in expected_rows(answers).items() if None not in row}
    tests: dict[str, Callable[[Any], bool]] = {
        "summary": lambda row: row[:3] not in answers.open_summary,
        "ledger": lambda row: row[:2] not in answers.open_ledger and row[:2] in certain,
        "outliers": lambda row: (
            not answers.is_after_bound(row[:3]) and row[:2] not in answers.borderline_offsets
        ),
        "duplicate_blocks": lambda row: row[:2] not in answers.open_blocks,
        "traffic": lambda row: (
            row.second + window_s(row.kind) <= answers.closed
            and row[:2] not in borderline_windows(answers)[window_s(row.kind)]
        ),
    }
    rows = getattr(tables, table)
    return [index for index, row in enumerate(rows) if tests[table](row)]


def editing(
    table: str, edit: Callable[[Random, list[Any], int], bool | None], min_rows: int = 1
) -> Damage:
    """Return the damage that edits a closed row of a table.

    Args:
        table: field of the tables.
        edit: changes the list of rows, given the index of the row; False if it could not.
        min_rows: minimum number of closed rows.

    """

    def damage(rng: Random, answers: Answers, tables: TableRows) -> TableRows | None:
        indexes = closed_rows(table, answers, tables)
        if len(indexes) < min_rows:
            return None
        rng.shuffle(indexes)
        for index in indexes:
            rows = list(getattr(tables, table))
            if edit(rng, rows, index) is not False and rows != list(getattr(tables, table)):
                changed: dict[str, Any] = {table: rows}
                return replace(tables, **changed)
        return None

    return damage


def setting(**values: Callable[[Any], Any]) -> Callable[[Random, list[Any], int], bool]:
    """Return the edit that sets columns of a row to values computed from the row."""

    def edit(_: Random, rows: list[Any], index: int) -> bool:
        row = rows[index]
        rows[index] = row._replace(**{name: value(row) for name, value in values.items()})
        return all(key(other) != key(rows[index]) for other in rows[:index] + rows[index + 1 :])

    return edit


def key(row: Any) -> tuple[Any, ...]:
    """Return the key of a row of any table."""
    return tuple(row[: 2 if isinstance(row, (LedgerRow, DuplicateBlockRow)) else 3])


def other_kind(kinds: Iterable[AnomalyKind], name: str) -> str:
    """Return the name of another kind."""
    return next(kind.name for kind in kinds if kind.name != name)


def drop(_: Random, rows: list[Any], index: int) -> None:
    """Delete a row."""
    del rows[index]


def repeat(_: Random, rows: list[Any], index: int) -> None:
    """Add a duplicate of a row."""
    rows.append(rows[index])


def swap_values(_: Random, rows: list[Any], index: int) -> bool:
    """Exchange the values of two rows, which keep their keys."""
    here, width = rows[index], len(key(rows[index]))
    for other, there in enumerate(rows):
        if there[width:] != here[width:] and other < index:
            rows[index] = type(here)(*here[:width], *there[width:])
            rows[other] = type(here)(*there[:width], *here[width:])
            return True
    return False


def add_summary_row(_: Random, rows: list[SummaryRow], index: int) -> None:
    """Add a row of a category without sales."""
    rows.append(rows[index]._replace(category="unexpected", sales_count=1, units_sold=1))


def add_ledger_row(_: Random, rows: list[LedgerRow], index: int) -> None:
    """Add the row of a second one hour earlier."""
    row = rows[index]
    rows.append(row._replace(second=row.second - HOUR_S, accepted=1, late=0, rejected=0))


def add_sale_alert(_: Random, rows: list[OutlierRow], index: int) -> None:
    """Add an alert of another kind at the offset of an alert."""
    row = rows[index]
    rows.append(row._replace(kind=other_kind(SALE_KINDS, row.kind), score=-row.score))


def add_traffic_alert(_: Random, rows: list[TrafficAnomalyRow], index: int) -> None:
    """Add an alert of a category without sales."""
    rows.append(rows[index]._replace(category="unexpected"))


def move_event(_: Random, rows: list[LedgerRow], index: int) -> bool:
    """Count an accepted event one second too late; the sums of the table do not change."""
    if index == 0 or rows[index - 1].partition != rows[index].partition:
        return False
    before, row = rows[index - 1], rows[index]
    rows[index - 1] = before._replace(accepted=before.accepted - 1, rejected=before.rejected + 1)
    rows[index] = row._replace(accepted=row.accepted + 1, rejected=row.rejected - 1)
    return before.accepted > 0


DAMAGES: dict[str, Damage] = {
    # sales_summary
    "summary: dropped row": editing("summary", drop),
    "summary: unexpected row": editing("summary", add_summary_row),
    "summary: duplicate row": editing("summary", repeat),
    "summary: one sale more": editing("summary", setting(sales_count=lambda r: r.sales_count + 1)),
    "summary: one sale less": editing("summary", setting(sales_count=lambda r: r.sales_count - 1)),
    "summary: one unit more": editing("summary", setting(units_sold=lambda r: r.units_sold + 1)),
    "summary: one unit less": editing("summary", setting(units_sold=lambda r: r.units_sold - 1)),
    "summary: one cent more": editing("summary", setting(total_sales=lambda r: r[5] + CENT)),
    "summary: one cent less": editing("summary", setting(total_sales=lambda r: r[5] - CENT)),
    "summary: less than a cent": editing(
        "summary", setting(total_sales=lambda r: r[5] + ROUNDING_ERROR)
    ),
    "summary: swapped rows": editing("summary", swap_values, 2),
    "summary: shifted window": editing("summary", setting(second=lambda r: r.second - HOUR_S)),
    "summary: other currency": editing("summary", setting(currency=lambda _: "XXX")),
    # ingest_ledger
    "ledger: dropped row": editing("ledger", drop),
    "ledger: unexpected row": editing("ledger", add_ledger_row),
    "ledger: duplicate row": editing("ledger", repeat),
    "ledger: one accepted more": editing("ledger", setting(accepted=lambda r: r.accepted + 1)),
    "ledger: one late more": editing("ledger", setting(late=lambda r: r.late + 1)),
    "ledger: accepted counted as late": editing(
        "ledger", setting(accepted=lambda r: r.accepted - 1, late=lambda r: r.late + 1)
    ),
    "ledger: event in the wrong second": editing("ledger", move_event, 2),
    "ledger: shifted window": editing("ledger", setting(second=lambda r: r.second - HOUR_S)),
    "ledger: other partition": editing("ledger", setting(partition=lambda r: r.partition + 99)),
    "ledger: one rejected more": editing("ledger", setting(rejected=lambda r: r.rejected + 1)),
    "ledger: one rejected less": editing("ledger", setting(rejected=lambda r: r.rejected - 1)),
    "ledger: last offset off by one": editing(
        "ledger", setting(max_offset=lambda r: r.max_offset - 1)
    ),
    "ledger: first offset off by one": editing(
        "ledger", setting(min_offset=lambda r: r.min_offset + 1)
    ),
    # duplicate_block
    "duplicates: dropped row": editing("duplicate_blocks", drop),
    "duplicates: one more": editing(
        "duplicate_blocks", setting(duplicates=lambda r: r.duplicates + 1)
    ),
    "duplicates: one less": editing(
        "duplicate_blocks", setting(duplicates=lambda r: r.duplicates - 1)
    ),
    "duplicates: one conflict more": editing(
        "duplicate_blocks", setting(conflicting=lambda r: r.conflicting + 1)
    ),
    # sale_anomaly
    "sale_anomaly: missing alert": editing("outliers", drop),
    "sale_anomaly: unexpected alert": editing("outliers", add_sale_alert),
    "sale_anomaly: duplicate row": editing("outliers", repeat),
    "sale_anomaly: offset off by one": editing("outliers", setting(offset=lambda r: r.offset + 1)),
    "sale_anomaly: one cent more": editing("outliers", setting(amount=lambda r: r.amount + CENT)),
    "sale_anomaly: expected off by three cents": editing(
        "outliers", setting(expected=lambda r: r.expected + max(3 * CENT, r.expected / 10**6))
    ),
    "sale_anomaly: score changed by a millionth": editing(
        "outliers", setting(score=lambda r: r.score * (1 + SCORE_CHANGE))
    ),
    "sale_anomaly: other kind": editing(
        "outliers",
        setting(kind=lambda r: other_kind(SALE_KINDS, r.kind)),
    ),
    "sale_anomaly: lost identifier": editing(
        "outliers", setting(transaction_id=lambda r: None if r.transaction_id else "unexpected")
    ),
    # window_anomaly
    "window_anomaly: missing alert": editing("traffic", drop),
    "window_anomaly: unexpected alert": editing("traffic", add_traffic_alert),
    "window_anomaly: shifted window": editing("traffic", setting(second=lambda r: r.second - 1)),
    "window_anomaly: one sale more": editing("traffic", setting(observed=lambda r: r.observed + 1)),
    "window_anomaly: other kind": editing(
        "traffic", setting(kind=lambda r: other_kind(WINDOW_KINDS, r.kind))
    ),
    "window_anomaly: score changed by a millionth": editing(
        "traffic", setting(score=lambda r: r.score * (1 + SCORE_CHANGE))
    ),
}
