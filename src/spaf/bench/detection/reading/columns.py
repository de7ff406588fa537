"""Which columns hold time, value and product: by their names, else by what they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from spaf.bench.detection.reading.table import (
    DAYS,
    HOURS,
    MONTHS,
    PRICES,
    PRODUCTS,
    TIMES,
    VALUES,
    YEARS,
    CellTable,
)
from spaf.bench.detection.reading.times import clock_of_hour
from spaf.errors import SettingsError

# Instead of the name of a column of times: the rows keep their order.
NO_TIME = "none"


def of_time(table: CellTable, named: Sequence[str]) -> list[int]:
    """Return the columns of the time: one, date and time of day, or year, month and day.

    Raises:
        SettingsError: there is no column of a name in `named`, which the user has given.

    """
    if list(named) == [NO_TIME]:
        return []
    if named:
        return [table.index(name, "--time") for name in named]
    years = [index for index in table.known(YEARS) if _all_years(table.sample(index))]
    parts = months, days = table.known(MONTHS), table.known(DAYS)
    titled = [
        index
        for index in table.known(TIMES)
        if index not in years
        and table.holds_times(index, numbers=not any(index in part for part in parts))
    ]
    if years and months and not titled:
        return [years[0], months[0], *days[:1]]
    indexes = range(len(table.header))
    # A column of that name that holds text: its first cell that is no time is the error.
    texts = [
        index
        for index in table.known(TIMES)
        if not table.holds_numbers(index) and not table.holds_clocks(index)
    ]
    # Numbers may be epochs or order numbers: a column of written dates is preferred.
    written = sorted(indexes, key=table.holds_numbers)
    dated = (index for index in written if table.holds_times(index, numbers=False))
    chosen = titled[:1] or [*islice(dated, 1)] or (years or texts)[:1]
    if chosen and not any(":" in cell for cell in table.sample(chosen[0])):
        clocks = [index for index in indexes if table.holds_clocks(index)]
        hours = [
            index
            for index in table.known(HOURS)
            if index not in chosen and all(map(clock_of_hour, table.sample(index) or ["no hour"]))
        ]
        chosen += (clocks or hours)[:1]
    return chosen


def are_sales(table: CellTable) -> bool:
    """Return whether there are products and prices."""
    return bool(table.known(PRODUCTS) and table.known_numbers(PRICES))


def of_product(table: CellTable) -> int:
    """Return the column of the product.

    Raises:
        SettingsError: there is none.

    """
    return _first(table, table.known(PRODUCTS), "productId")


def of_values(
    table: CellTable, named: Sequence[str], times: Sequence[int], *, prices: bool
) -> list[int]:
    """Return the columns to score: of sales the price, else one of a known name, or the only one.

    Raises:
        SettingsError: there is none, or there are several without a known name.

    """
    if named:
        return [table.index(name, "--value") for name in named]
    if prices:
        return [_first(table, table.known_numbers(PRICES), "productPrice")]
    indexes = [index for index in range(len(table.header)) if index not in times]
    numbers = [index for index in indexes if table.holds_numbers(index)]
    plain = [index for index in numbers if not table.names_rows(index)] or numbers
    known = [index for index in table.known(VALUES) if index in indexes]
    partly = [index for index in table.known(VALUES, words=True) if index in plain]
    titled = [index for index in known if index in numbers] or partly
    if titled or len(plain) == 1:
        return (titled or plain)[:1]
    if plain:
        names = ", ".join(table.header[index] for index in plain)
        raise SettingsError(
            f"{table.file}: {len(plain)} columns hold numbers: {names}.",
            todo=f"Choose one or more, for example --value '{table.header[plain[0]]}'.",
        )
    # A column of text in the place of the value: its first cell is the error.
    return [_first(table, known or (indexes if len(indexes) == 1 else []), "value")]


def _first(table: CellTable, indexes: Sequence[int], name: str) -> int:
    if indexes:
        return indexes[0]
    raise SettingsError(
        f"{table.file}: no column {name}; there are {', '.join(table.header)}.",
        todo="Sales need a product and a price." if name != "value" else "Name it by --value.",
    )


def _all_years(cells: Sequence[str]) -> bool:
    return bool(cells) and all(re.fullmatch(r"(?:19|20)[0-9]{2}", cell) for cell in cells)
