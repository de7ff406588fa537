"""The memory of a day against a plain recount of the same rows."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.serve.sales import rollup as module
from spaf.serve.sales.rollup import LATEST_ROWS, MINUTE_S, REST, Rollup, SecondRow

NOW = 1_763_800_020  # the beginning of a minute
SECONDS_FROM = NOW - 120
OLDEST = NOW - 600

Place = tuple[int, str, str]
Values = tuple[int, int, int]
Table = dict[Place, Values]


class Change(NamedTuple):
    """A row is written, or deleted; or everything is read again, or a minute is."""

    what: str
    second: int
    category: str
    currency: str
    values: Values


changes = st.lists(
    st.builds(
        Change,
        what=st.sampled_from(["row"] * 8 + ["load", "settle", "trim"]),
        second=st.integers(OLDEST, NOW + 70),
        category=st.sampled_from(["books", "toys", ""]),
        currency=st.sampled_from(["BRL", "USD"]),
        values=st.one_of(
            st.just((0, 0, 0)),
            st.tuples(st.integers(1, 5), st.integers(1, 50), st.integers(1, 10**20)),
        ),
    ),
    max_size=40,
)


def rows(table: Table, begin: int, end: int = NOW + 1_000) -> list[SecondRow]:
    """Return the rows of the table within a range."""
    return [
        SecondRow(*place, *values, 0) for place, values in table.items() if begin <= place[0] < end
    ]


def minutes(table: Table, begin: int, end: int) -> list[SecondRow]:
    """Return its sums by minute."""
    found: dict[Place, list[int]] = defaultdict(lambda: [0, 0, 0])
    for (second, *names), values in table.items():
        if begin <= second < end:
            sums = found[second - second % MINUTE_S, names[0], names[1]]
            for n, value in enumerate(values):
                sums[n] += value
    return [SecondRow(*place, sums[0], sums[1], sums[2], 0) for place, sums in found.items()]


def settle(rollup: Rollup, table: Table) -> None:
    """Read every minute again that is unsure, as the reader does."""
    for minute in sorted(rollup.stale_minutes):
        rollup.stale_minutes.discard(minute)
        bound = rollup.seconds_from
        found = minutes(table, minute, min(minute + MINUTE_S, bound))
        rollup.replace_minute(minute, found, bound)


def load(rollup: Rollup, table: Table) -> None:
    """Read everything."""
    recent, old = rows(table, SECONDS_FROM), minutes(table, OLDEST, SECONDS_FROM)
    rollup.load(recent, old, SECONDS_FROM, OLDEST)


def shown(rollup: Rollup) -> dict[Place, Values]:
    """Return the minutes that the rollup shows, those without sales left out."""
    return {
        (minute, *key): (sums.sales, sums.units, sums.cents)
        for minute, series in rollup.by_minute(OLDEST, NOW + 1_000)
        for key, sums in series.items()
        if sums.sales
    }


@given(changes, changes)
def test_memory_agrees_with_a_recount(before: list[Change], after: list[Change]) -> None:
    """Whatever is written, deleted, late, read again; minutes, seconds and running sums."""
    table: Table = {}
    for change in before:
        write(table, change)
    rollup = Rollup()
    load(rollup, table)
    for change in after:
        if change.what == "load":
            load(rollup, table)
        elif change.what == "settle":
            settle(rollup, table)
        elif change.what == "trim":
            rollup.trim(NOW)
        else:
            write(table, change)
            rollup.apply(SecondRow(*change[1:4], *change.values, 0))
    settle(rollup, table)
    assert shown(rollup) == {tuple(row[:3]): row[3:6] for row in minutes(table, OLDEST, NOW + 600)}
    known = {row[:6] for row in rollup.by_second(SECONDS_FROM, NOW + 600)}
    assert known == {row[:6] for row in rows(table, SECONDS_FROM)}
    for currency in ("BRL", "USD"):
        sums = rollup.running.get(currency)
        sold = [values for place, values in table.items() if place[2] == currency]
        expected = [sum(values) for values in zip(*sold, strict=True)] or [0, 0, 0]
        assert ([sums.sales, sums.units, sums.cents] if sums else [0, 0, 0]) == expected


def write(table: Table, change: Change) -> None:
    """Change the table."""
    place = change[1:4]
    table.pop(place, None)
    if change.values[0]:
        table[place] = change.values


def row(second: int, category: str = "books", currency: str = "BRL", sales: int = 1) -> SecondRow:
    """Return a row of this many sales."""
    return SecondRow(second, category, currency, sales, sales, sales * 100, 0)


@pytest.fixture
def rollup() -> Rollup:
    """Return an empty memory that knows its range."""
    found = Rollup()
    found.load([], [], SECONDS_FROM, OLDEST)
    return found


def test_a_late_sale_of_a_forgotten_second_makes_its_minute_unsure(rollup: Rollup) -> None:
    """Its row before is not known; older still, it is not shown."""
    rollup.apply(row(SECONDS_FROM - 1))
    rollup.apply(row(OLDEST - 1))
    assert rollup.stale_minutes == {SECONDS_FROM - MINUTE_S}
    assert rollup.running == {}


def test_a_minute_whose_bound_has_moved_is_read_once_more(rollup: Rollup) -> None:
    """Seconds that have been forgotten meanwhile were in neither part."""
    rollup.apply(row(SECONDS_FROM + 3))
    bound = rollup.seconds_from + 1
    rollup.replace_minute(SECONDS_FROM, [], bound)
    assert rollup.stale_minutes == {SECONDS_FROM}
    assert rollup.totals(OLDEST)["BRL"].sales == 1


def test_what_is_too_old_is_forgotten(rollup: Rollup) -> None:
    """Seconds first, minutes when a day has passed; the running sums stay."""
    rollup.apply(row(NOW))
    rollup.trim(NOW + module.SECONDS_KEPT_S + 1)
    assert rollup.seconds_from == NOW + 1
    assert list(rollup.by_second(NOW, NOW + 1)) == []
    assert rollup.totals(NOW)["BRL"].sales == 1
    rollup.trim(NOW + module.MINUTES_KEPT_S + 2 * MINUTE_S)
    assert rollup.totals(NOW) == {}
    assert rollup.running["BRL"].sales == 1


def test_a_million_rows_a_second_do_not_fill_the_memory(
    rollup: Rollup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest seconds go first, and what is known says so."""
    monkeypatch.setattr(module, "MAX_ROWS", 10)
    for second in range(3):
        for n in range(8):
            rollup.apply(row(NOW + second, f"c{n}"))
    rollup.trim(NOW + 3)
    assert rollup.seconds_from == NOW + 2
    assert len(rollup.recent(0, 100)) == 8
    assert [r.category for r in rollup.recent(0, 2)] == ["c6", "c7"]


def test_a_million_categories_become_one(rollup: Rollup, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a million currencies one without money; nothing that was sold is lost."""
    monkeypatch.setattr(module, "MAX_SERIES", 2)
    monkeypatch.setattr(module, "MAX_REST_SERIES", 1)
    for n in range(5):
        rollup.apply(row(NOW, f"c{n}"))
        rollup.apply(row(NOW, f"c{n}", "USD"))
    ((_, series),) = rollup.by_minute(NOW, NOW + 1)
    assert set(series) == {("c0", "BRL"), ("c0", "USD"), (REST, "BRL"), (REST, REST)}
    assert sum(sums.sales for sums in series.values()) == 10
    assert series[REST, REST].cents == 0
    assert {name: sums.sales for name, sums in rollup.running.items()} == {
        "BRL": 5,
        "USD": 1,
        REST: 4,
    }
    assert rollup.categories() == ["c0"]


def test_the_latest_rows_are_kept_however_old_their_second_is() -> None:
    """A viewer that comes hours after the last sale, or after a restart, is shown them too."""
    rollup = Rollup()
    created = [SecondRow(NOW - 7_200 - n, "books", "BRL", 1, 1, 100, 0) for n in (0, 3, 1)]
    rollup.load([], [], NOW - 3_600, NOW - 90_000, created)
    late = SecondRow(NOW - 500, "toys", "BRL", 1, 1, 100, 0)
    rollup.apply(late)
    changed = created[1]._replace(sales=2)
    rollup.apply(changed)
    rollup.apply(SecondRow(NOW - 9_000, "toys", "BRL", 5, 5, 500, 0))
    assert rollup.recent(NOW - 120, 10) == [changed, created[2], created[0], late]
    rollup.apply(late._replace(sales=0))
    assert rollup.recent(NOW - 120, 10) == [changed, created[2], created[0]]
    for n in range(2 * LATEST_ROWS):
        rollup.apply(SecondRow(NOW - n, "books", "BRL", 1, 1, 100, 0))
    older = [row.second for row in rollup.recent(NOW - 10, 1_000) if row.second < NOW - 10]
    assert older == [*range(NOW - 2 * LATEST_ROWS + 1, NOW - LATEST_ROWS + 1)]
