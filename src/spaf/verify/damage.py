"""Kinds of damage that a verifier must catch: each changes a settled row of one table.

A damage is a function of a source of luck, the answers and the tables; it returns tables with one
thing wrong. `spaf.bench.selftest.selftest` adds those that come from a job that saw another log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from spaf.verify.answers import Answers
from spaf.verify.ledger import bookings
from spaf.verify.tables import (
    DuplicateBlockRow,
    LedgerRow,
    OutlierRow,
    SummaryRow,
    TableRows,
    TrafficAnomalyRow,
)

Damage = Callable[[Random, Answers, TableRows], TableRows | None]
"""None where the tables have no row that could be damaged in this way."""

CENT = Decimal("0.01")
# Less than a cent, as a sum of binary fractions leaves it.
DUST = Decimal("1E-12")
# More than rounding, less than anyone would see.
NUDGE = 1e-6
HOUR = 3_600


def settled(table: str, answers: Answers, tables: TableRows) -> list[int]:
    """Return the places of the rows of a table that nothing behind the cut touches."""
    certain = {place for place, row in bookings(answers).items() if None not in row}
    tests: dict[str, Callable[[Any], bool]] = {
        "summary": lambda row: row[:3] not in answers.open_summary,
        "ledger": lambda row: row[:2] not in answers.open_ledger and row[:2] in certain,
        "outliers": lambda row: (
            not answers.behind(row[:3]) and row[:2] not in answers.doubtful_offsets
        ),
        "repeats": lambda row: row[:2] not in answers.open_repeats,
        "swings": lambda row: (
            row.second < answers.closed and row[:2] not in answers.doubtful_seconds
        ),
    }
    rows = getattr(tables, table)
    return [place for place, row in enumerate(rows) if tests[table](row)]


def editing(
    table: str, edit: Callable[[Random, list[Any], int], bool | None], least: int = 1
) -> Damage:
    """Return the damage that edits the rows of a table at the place of a settled one.

    Args:
        table: which.
        edit: changes the list; False if it could not.
        least: how many settled rows it needs.

    """

    def damage(luck: Random, answers: Answers, tables: TableRows) -> TableRows | None:
        places = settled(table, answers, tables)
        if len(places) < least:
            return None
        luck.shuffle(places)
        for place in places:
            rows = list(getattr(tables, table))
            if edit(luck, rows, place) is not False and rows != list(getattr(tables, table)):
                return replace(tables, **{table: rows})
        return None

    return damage


def setting(**values: Callable[[Any], Any]) -> Callable[[Random, list[Any], int], bool]:
    """Return the edit that gives columns of a row new values, made from the row."""

    def edit(_: Random, rows: list[Any], place: int) -> bool:
        row = rows[place]
        rows[place] = row._replace(**{name: value(row) for name, value in values.items()})
        return all(key(other) != key(rows[place]) for other in rows[:place] + rows[place + 1 :])

    return edit


def key(row: Any) -> tuple[Any, ...]:
    """Return the key of a row of any table."""
    return tuple(row[: 2 if isinstance(row, (LedgerRow, DuplicateBlockRow)) else 3])


def drop(_: Random, rows: list[Any], place: int) -> None:
    """Lose a row."""
    del rows[place]


def double(_: Random, rows: list[Any], place: int) -> None:
    """Have a row twice."""
    rows.append(rows[place])


def swap_values(_: Random, rows: list[Any], place: int) -> bool:
    """Exchange the values of two rows that keep their keys."""
    here, width = rows[place], len(key(rows[place]))
    for other, there in enumerate(rows):
        if there[width:] != here[width:] and other < place:
            rows[place] = type(here)(*here[:width], *there[width:])
            rows[other] = type(here)(*there[:width], *here[width:])
            return True
    return False


def ghost_summary(_: Random, rows: list[SummaryRow], place: int) -> None:
    """Invent a row of sales."""
    rows.append(rows[place]._replace(category="ghosts", sales_count=1, units_sold=1))


def ghost_ledger(_: Random, rows: list[LedgerRow], place: int) -> None:
    """Invent a second of an hour before."""
    row = rows[place]
    rows.append(row._replace(second=row.second - HOUR, accepted=1, late=0, rejected=0))


def ghost_outlier(_: Random, rows: list[OutlierRow], place: int) -> None:
    """Invent an unusual sale at the offset of another one."""
    row = rows[place]
    other = "low_price" if row.kind != "low_price" else "high_price"
    rows.append(row._replace(kind=other, score=-row.score))


def ghost_swing(_: Random, rows: list[TrafficAnomalyRow], place: int) -> None:
    """Invent an unusual second of a category that is not sold."""
    rows.append(rows[place]._replace(category="ghosts"))


def move_event(_: Random, rows: list[LedgerRow], place: int) -> bool:
    """Book an accepted event a second too late; the sums stay as they were."""
    if place == 0 or rows[place - 1].partition != rows[place].partition:
        return False
    before, row = rows[place - 1], rows[place]
    rows[place - 1] = before._replace(accepted=before.accepted - 1, rejected=before.rejected + 1)
    rows[place] = row._replace(accepted=row.accepted + 1, rejected=row.rejected - 1)
    return before.accepted > 0


DAMAGES: dict[str, Damage] = {
    # sales_summary
    "summary: dropped row": editing("summary", drop),
    "summary: ghost row": editing("summary", ghost_summary),
    "summary: row twice": editing("summary", double),
    "summary: one sale more": editing("summary", setting(sales_count=lambda r: r.sales_count + 1)),
    "summary: one sale less": editing("summary", setting(sales_count=lambda r: r.sales_count - 1)),
    "summary: one unit more": editing("summary", setting(units_sold=lambda r: r.units_sold + 1)),
    "summary: one unit less": editing("summary", setting(units_sold=lambda r: r.units_sold - 1)),
    "summary: one cent more": editing("summary", setting(total_sales=lambda r: r[5] + CENT)),
    "summary: one cent less": editing("summary", setting(total_sales=lambda r: r[5] - CENT)),
    "summary: less than a cent": editing("summary", setting(total_sales=lambda r: r[5] + DUST)),
    "summary: swapped rows": editing("summary", swap_values, 2),
    "summary: shifted window": editing("summary", setting(second=lambda r: r.second - HOUR)),
    "summary: other currency": editing("summary", setting(currency=lambda _: "XXX")),
    # ingest_ledger
    "ledger: dropped row": editing("ledger", drop),
    "ledger: ghost row": editing("ledger", ghost_ledger),
    "ledger: row twice": editing("ledger", double),
    "ledger: one accepted more": editing("ledger", setting(accepted=lambda r: r.accepted + 1)),
    "ledger: one late more": editing("ledger", setting(late=lambda r: r.late + 1)),
    "ledger: accepted told as late": editing(
        "ledger", setting(accepted=lambda r: r.accepted - 1, late=lambda r: r.late + 1)
    ),
    "ledger: event in the wrong second": editing("ledger", move_event, 2),
    "ledger: shifted window": editing("ledger", setting(second=lambda r: r.second - HOUR)),
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
    "duplicates: dropped row": editing("repeats", drop),
    "duplicates: one more": editing("repeats", setting(duplicates=lambda r: r.duplicates + 1)),
    "duplicates: one less": editing("repeats", setting(duplicates=lambda r: r.duplicates - 1)),
    "duplicates: one conflict more": editing(
        "repeats", setting(conflicting=lambda r: r.conflicting + 1)
    ),
    # sale_anomaly
    "sale_anomaly: missing detection": editing("outliers", drop),
    "sale_anomaly: ghost detection": editing("outliers", ghost_outlier),
    "sale_anomaly: row twice": editing("outliers", double),
    "sale_anomaly: offset off by one": editing("outliers", setting(offset=lambda r: r.offset + 1)),
    "sale_anomaly: one cent more": editing("outliers", setting(amount=lambda r: r.amount + CENT)),
    "sale_anomaly: expected off by three cents": editing(
        "outliers", setting(expected=lambda r: r.expected + max(3 * CENT, r.expected / 10**6))
    ),
    "sale_anomaly: score nudged": editing(
        "outliers", setting(score=lambda r: r.score * (1 + NUDGE))
    ),
    "sale_anomaly: other kind": editing(
        "outliers",
        setting(kind=lambda r: "bulk_quantity" if r.kind != "bulk_quantity" else "high_price"),
    ),
    "sale_anomaly: lost identifier": editing(
        "outliers", setting(transaction_id=lambda r: None if r.transaction_id else "ghost")
    ),
    # window_anomaly
    "window_anomaly: missing detection": editing("swings", drop),
    "window_anomaly: ghost detection": editing("swings", ghost_swing),
    "window_anomaly: shifted window": editing("swings", setting(second=lambda r: r.second - 1)),
    "window_anomaly: one sale more": editing("swings", setting(observed=lambda r: r.observed + 1)),
    "window_anomaly: other kind": editing(
        "swings", setting(kind=lambda r: "drought" if r.kind == "surge" else "surge")
    ),
    "window_anomaly: score nudged": editing(
        "swings", setting(score=lambda r: r.score * (1 + NUDGE))
    ),
}
