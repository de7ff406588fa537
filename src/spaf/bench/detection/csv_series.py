"""A file of the user: a rate, a level or sales; every assumption and every row is accounted for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from spaf.bench.detection.reading import columns
from spaf.bench.detection.reading.grid import GridRow
from spaf.bench.detection.reading.numbers import (
    COMMA,
    POINT,
    NumberParts,
    choose_decimal,
    decimal_text,
    is_number,
    split_number,
)
from spaf.bench.detection.reading.read_options import DecimalSign, ReadOptions
from spaf.bench.detection.reading.table import CATEGORIES, CURRENCIES, QUANTITIES, CellTable
from spaf.bench.detection.reading.times import DAY_FIRST, TimeColumn, TimeReader, clock_of_hour
from spaf.errors import SettingsError
from spaf.sale.contract import MAX_QUANTITY, PRICE_LIMIT

RATE, LEVEL, SALES = "rate", "level", "sales"
# Upper limit of a count: its square still fits a BIGINT.
MAX_COUNT = 10**8
# Names of series in a message.
MAX_LISTED = 10
# Decimals of a price.
CENTS = 2


class SeriesRow(msgspec.Struct, frozen=True):
    """One row of the file; `value` is the count, the level or the unit price."""

    row: int
    """Its number below the header, from 1."""
    line: int
    """The number of its line in the file."""
    timestamp: str
    epoch_us: int
    """Microseconds since 1970; without times, the number of the row."""
    value: float
    quantity: int = 1
    product: str = ""
    category: str = ""
    currency: str = ""
    series: str = ""
    """The series of the row, if the file holds several."""


class CsvSeries(msgspec.Struct, frozen=True):
    """The rows of a file in order of time, their kind, and what was assumed."""

    kind: str
    rows: Sequence[SeriesRow]
    rows_read: int = 0
    dropped: dict[str, int] = {}
    """Rows that are not scored, by reason."""
    assumptions: tuple[str, ...] = ()
    has_times: bool = True
    value_name: str = "value"
    """Title of the scored column, if it is one."""


def read_series(file: Path, options: ReadOptions | None = None) -> CsvSeries:
    """Return the rows of a CSV or Parquet file, or of standard input for `-`.

    Without a `kind` it is sales if there are products and prices, a rate if every value is a whole
    number from 0 to MAX_COUNT without a unit, and a level otherwise.

    Raises:
        SettingsError: the file or a cell of it cannot be read: names line, column and value.

    """
    options = options or ReadOptions()
    return _SeriesReader(CellTable(file, options), options).read()


class _Numbers(NamedTuple):
    """A column of numbers: None where a value is missing."""

    values: list[Decimal | None]
    sign: str
    ambiguous: bool
    unit: str


class _SeriesReader:
    """Turns a table into a series: times, then numbers, then the rows that can be scored."""

    def __init__(self, table: CellTable, options: ReadOptions) -> None:
        self.table = table
        self.kind = options.kind
        self.options = options
        self.dropped: Counter[str] = Counter()
        self.assumed: list[str] = []
        self.semicolons = table.grid.delimiter == ";"
        # With names in Portuguese, ISO dates are those of a program, and so are its numbers.
        self.prefer_comma = self.semicolons

    def read(self) -> CsvSeries:
        """Return the series."""
        table = self.table
        time_columns = columns.of_time(table, self.options.time)
        if self.kind is None and not self.options.value and columns.are_sales(table):
            self.kind = SALES
        value_columns = columns.of_values(
            table, self.options.value, time_columns, prices=self.kind == SALES
        )
        texts, times = self._times(time_columns, value_columns)
        self._refuse_ragged(times)
        numbers = [self._numbers(index, times) for index in value_columns]
        if self.kind == SALES:
            rows = self._sale_rows(texts, times, numbers[0])
        elif len(value_columns) > 1:
            titled = [
                msgspec.structs.replace(row, series=table.header[index])
                for index, column in zip(value_columns, numbers, strict=True)
                for row in self._rows(texts, times, column)
            ]
            rows = sorted(titled, key=lambda row: row.row)
        else:
            rows = self._rows(texts, times, numbers[0])
            rows = self._with_series(rows, [*time_columns, *value_columns])
        if not rows:
            raise SettingsError(
                f"{table.file}: no row can be scored: {self._dropped_text()}.",
                todo="Name the columns by --time and --value.",
            )
        rows = self._in_order(rows)
        kind = self.kind or self._infer_kind(rows, numbers)
        if kind == RATE:
            self._check_counts(rows, value_columns)
        return CsvSeries(
            kind,
            rows,
            len(table.rows),
            dict(self.dropped),
            self._assumptions(kind, value_columns, numbers, len(rows)),
            bool(time_columns),
            table.header[value_columns[0]] if len(value_columns) == 1 else "value",
        )

    def _refuse_ragged(self, times: Sequence[int | None]) -> None:
        """Refuse rows with more cells than names: a decimal comma may have split a number."""
        table = self.table
        width = len(table.header)
        for place, (row, instant) in enumerate(zip(table.rows, times, strict=True)):
            if instant is not None and any(row.cells[width:]):
                raise SettingsError(
                    f"{table.file}, line {row.line} (row {place + 1}): {len(row.cells)} cells, "
                    f"the header has {width}.",
                    todo=f"Cells that hold {table.grid.delimiter!r} need quotes; "
                    "--delimiter names another delimiter.",
                )

    def _times(
        self, time_columns: Sequence[int], values: Sequence[int]
    ) -> tuple[list[str], list[int | None]]:
        """Return the texts and the instants of the rows; None for a row that is dropped.

        Raises:
            SettingsError: a cell between two readable ones is no time.

        """
        table = self.table
        if not time_columns:
            self.assumed.append("no column of times: the rows keep their order")
            cells = table.column(values[0])
            readable = [split_number(cell) is not None or table.is_missing(cell) for cell in cells]
            texts = [str(number) for number in range(1, len(cells) + 1)]
            instants: list[int | None] = list(range(1, len(cells) + 1))
        else:
            texts = [self._time_text(row, time_columns) for row in table.rows]
            present = ["" if table.is_missing(text) else text for text in texts]
            times = self._instants(present)
            self._tell_times(times, time_columns)
            self.prefer_comma |= self.table.portuguese and times.form == DAY_FIRST
            instants = times.instants
            readable = [instant is not None for instant in instants]
        first = _leading(readable)
        last = len(readable) - _leading(readable[::-1])
        if first == len(readable):
            raise table.fail(0, [*time_columns, *values][0], "is no time stamp", _TIME_HELP)
        for place in range(first if time_columns else 0):
            value = table.cell(table.rows[place], values[0])
            if is_number(value) and not table.is_missing(texts[place]):
                raise table.fail(place, time_columns[0], "is no time stamp", _TIME_HELP)
        self._drop("above the table", first)
        self._drop("below the table", len(readable) - last)
        for place in range(first, last):
            if not time_columns or readable[place]:
                continue
            if not table.is_missing(texts[place]):
                raise table.fail(place, time_columns[0], "is no time stamp", _TIME_HELP)
            self._drop("without a time")
        kept = (first <= place < last for place in range(len(readable)))
        return texts, [
            instant if inside else None for instant, inside in zip(instants, kept, strict=True)
        ]

    def _instants(self, texts: list[str]) -> TimeColumn:
        reader = TimeReader(
            self.options.date_order,
            self.options.zone,
            prefer_day_first=self.semicolons or self.table.portuguese,
        )
        numbers = [text if is_number(text) else "" for text in texts]
        # Text above or below the table must not decide what a column of numbers is.
        mostly_numbers = 2 * sum(map(bool, numbers)) > sum(map(bool, texts))
        return reader.read(numbers if mostly_numbers else texts)

    def _time_text(self, row: GridRow, indexes: Sequence[int]) -> str:
        """Return the text of a time that may be in several cells."""
        cells = [self.table.cell(row, index) for index in indexes]
        if len(cells) == 1:
            return cells[0]
        if not all(cells):
            return ""
        if re.fullmatch(r"[0-9]{4}", cells[0]):
            year, month, day = [*cells, "1"][:3]
            if month.isdecimal():
                return f"{year}-{month:0>2}-{day:0>2}"
            return f"{day} {month} {year}"
        clocks = [clock_of_hour(cell) or cell for cell in cells[1:]]
        return " ".join((cells[0], *clocks))

    def _tell_times(self, times: TimeColumn, indexes: Sequence[int]) -> None:
        names = " and ".join(self.table.header[index] for index in indexes)
        form = times.form
        if times.ambiguous:
            form += " (ambiguous: --date-order overrules)"
        zone = f", zone {times.zone}" if times.zone else ""
        self.assumed.append(f"time: {names}, {form}{zone}")
        if times.repaired:
            self.assumed.append(f"{times.repaired} at a change of the clocks")

    def _rows(
        self, texts: Sequence[str], times: Sequence[int | None], numbers: _Numbers
    ) -> list[SeriesRow]:
        rows = []
        for place, (instant, value) in enumerate(zip(times, numbers.values, strict=True)):
            if instant is None:
                continue
            if value is None:
                self._drop("without a value")
                continue
            line = self.table.rows[place].line
            rows.append(SeriesRow(place + 1, line, texts[place], instant, float(value)))
        return rows

    def _numbers(self, index: int, times: Sequence[int | None]) -> _Numbers:
        """Return the numbers of a column; the decimal sign follows from all of them.

        Raises:
            SettingsError: a cell is no number, or has another unit than those above.

        """
        table = self.table
        cells = [
            "" if instant is None or table.is_missing(cell) else cell
            for cell, instant in zip(table.column(index), times, strict=True)
        ]
        prefer = self.prefer_comma and not table.grid.typed
        sign, seen, ambiguous = choose_decimal(cells, prefer_comma=prefer)
        if self.options.decimal is not None:
            sign = COMMA if self.options.decimal is DecimalSign.comma else POINT
            ambiguous = False
        parsed: dict[str, Decimal | None] = {"": None}
        units: dict[str, int] = {}
        for place, cell in enumerate(cells):
            if cell in parsed:
                continue
            parts = split_number(cell)
            text = None if parts is None else decimal_text(parts, sign)
            if parts is None or text is None:
                raise table.fail(place, index, "is no number", _number_help(cell, parts, sign))
            parsed[cell] = Decimal(text)
            if not math.isfinite(float(text)):
                raise table.fail(place, index, "is too large")
            if parts.unit:
                units.setdefault(parts.unit, place)
        if len(units) > 1:
            (unit, _), (other, place) = list(units.items())[:2]
            raise table.fail(
                place,
                index,
                f"has the unit {other}, rows above have {unit}",
                "Export the numbers without units, or in one unit.",
            )
        return _Numbers(
            [parsed[cell] for cell in cells], sign if seen else "", ambiguous, next(iter(units), "")
        )

    def _sale_rows(
        self, texts: Sequence[str], times: Sequence[int | None], prices: _Numbers
    ) -> list[SeriesRow]:
        table = self.table
        product = columns.of_product(table)
        quantity_columns = table.known_numbers(QUANTITIES)
        quantities = self._numbers(quantity_columns[0], times).values if quantity_columns else None
        categories, currencies = table.known(CATEGORIES)[:1], table.known(CURRENCIES)[:1]
        rows: list[SeriesRow] = []
        rounded = 0
        for place, (instant, price) in enumerate(zip(times, prices.values, strict=True)):
            quantity = Decimal(1) if quantities is None else quantities[place]
            if instant is None:
                continue
            if price is None:
                self._drop("without a price")
            elif not 0 <= price < PRICE_LIMIT:
                self._drop("with a price below 0 or from 10^10")
            elif quantity is None or not 1 <= quantity <= MAX_QUANTITY or quantity % 1:
                self._drop(f"with a quantity that is not from 1 to {MAX_QUANTITY:,}")
            else:
                rounded += round(price, CENTS) != price
                row = table.rows[place]
                rows.append(
                    SeriesRow(
                        place + 1,
                        row.line,
                        texts[place],
                        instant,
                        float(round(price, CENTS)),
                        int(quantity),
                        table.cell(row, product),
                        "".join(table.cell(row, index) for index in categories),
                        "".join(table.cell(row, index) for index in currencies),
                    )
                )
        if rounded:
            self.assumed.append(f"{_counted(rounded, 'price')} rounded to cents")
        return rows

    def _with_series(self, rows: list[SeriesRow], used: Sequence[int]) -> list[SeriesRow]:
        """Return the rows, each with the name of its series, if the file holds several."""
        table = self.table
        wanted = ""
        if self.options.series is not None:
            column, _, wanted = self.options.series.partition("=")
            index: int | None = table.index(column, "--series")
        else:
            index = self._series_column(rows, used)
        if index is None:
            return rows
        named = [
            msgspec.structs.replace(row, series=name)
            for row in rows
            for name in (table.cell(table.rows[row.row - 1], index),)
        ]
        names = sorted({row.series for row in named})
        if wanted:
            if wanted not in names:
                raise SettingsError(
                    f"{table.file}: no series {wanted} in column {table.header[index]}.",
                    todo=f"There are {_listed(names)}.",
                )
            chosen = [row for row in named if row.series == wanted]
            self._drop("of other series", len(named) - len(chosen))
            named, names = chosen, [wanted]
        self.assumed.append(f"series: {table.header[index]}, {_listed(names)}")
        return named

    def _series_column(self, rows: Sequence[SeriesRow], used: Sequence[int]) -> int | None:
        """Return the column that distinguishes rows of one time; None if no time repeats."""
        table = self.table
        if len({row.epoch_us for row in rows}) == len(rows):
            return None
        cells = {row.row: tuple(table.rows[row.row - 1].cells) for row in rows}
        distinct = {(row.epoch_us, cells[row.row]): row for row in rows}
        if len({row.epoch_us for row in rows}) == len(distinct):
            return None
        for index in range(len(table.header)):
            if index in used:
                continue
            keys = {
                (epoch_us, table.cell(table.rows[row.row - 1], index))
                for (epoch_us, _), row in distinct.items()
            }
            names = {name for _, name in keys}
            if len(keys) == len(distinct) and 1 < len(names) <= len(keys) // 2:
                return index
        return None

    def _in_order(self, rows: list[SeriesRow]) -> list[SeriesRow]:
        """Return the rows in order of time, those of one time in the order of the file."""
        steps = [after.epoch_us - before.epoch_us for before, after in pairwise(rows)]
        if any(step < 0 for step in steps):
            newest_first = all(step <= 0 for step in steps)
            in_file = reversed(rows) if newest_first else rows
            rows = sorted(in_file, key=lambda row: row.epoch_us)
            self.assumed.append("newest first: turned round" if newest_first else "sorted by time")
        if self.kind == SALES:
            return rows
        times: set[tuple[str, int]] = set()
        seen: set[tuple[str, int, tuple[str, ...]]] = set()
        kept = []
        repeated = 0
        for row in rows:
            key = row.series, row.epoch_us, tuple(self.table.rows[row.row - 1].cells)
            if key in seen and self.options.drop_copies:
                self._drop("copies of another row")
                continue
            repeated += (row.series, row.epoch_us) in times
            times.add((row.series, row.epoch_us))
            seen.add(key)
            kept.append(row)
        if repeated:
            hint = "kept (--drop-copies drops copies)"
            self.assumed.append(f"{_counted(repeated, 'row')} at the time of another: {hint}")
        return kept

    def _infer_kind(self, rows: Sequence[SeriesRow], numbers: Sequence[_Numbers]) -> str:
        whole = all(0 <= row.value <= MAX_COUNT and row.value.is_integer() for row in rows)
        return RATE if whole and not any(column.unit for column in numbers) else LEVEL

    def _check_counts(self, rows: Sequence[SeriesRow], indexes: Sequence[int]) -> None:
        titles = {self.table.header[index]: index for index in indexes}
        for row in rows:
            if not 0 <= row.value <= MAX_COUNT or not row.value.is_integer():
                limit = "" if row.value <= MAX_COUNT else f" up to {MAX_COUNT:,}"
                index = titles.get(row.series, indexes[0])
                raise self.table.fail(
                    row.row - 1, index, f"is no count{limit}", "Try --kind level."
                )

    def _drop(self, reason: str, rows: int = 1) -> None:
        if rows:
            self.dropped[reason] += rows

    def _dropped_text(self) -> str:
        return ", ".join(f"{rows:,} {reason}" for reason, rows in self.dropped.items())

    def _assumptions(
        self, kind: str, indexes: Sequence[int], numbers: Sequence[_Numbers], scored: int
    ) -> tuple[str, ...]:
        table = self.table
        delimiter = _DELIMITER_NAMES.get(table.grid.delimiter, table.grid.delimiter)
        values = ", ".join(
            table.header[index] + (f" in {column.unit}" if column.unit else "")
            for index, column in zip(indexes, numbers, strict=True)
        )
        rows = f"{_counted(len(table.rows), 'row')} read, {scored:,} to score"
        if self.dropped:
            rows += f", {self.dropped.total():,} dropped ({self._dropped_text()})"
        parts = (
            table.grid.stored,
            delimiter and f"delimiter {delimiter}",
            " and ".join(dict.fromkeys(filter(None, map(_decimal_text, numbers)))),
            "" if table.header_line or table.grid.typed else "no header",
            f"{_counted(table.preamble, 'row')} above the header" if table.preamble else "",
            _counted(table.grid.comments, "comment line") if table.grid.comments else "",
            *self.assumed,
            f"value: {values}",
            f"kind {kind}",
            rows,
        )
        return tuple(filter(None, parts))


def _decimal_text(column: _Numbers) -> str:
    name = {COMMA: "decimal comma", POINT: "decimal point", "": ""}[column.sign]
    return f"{name} (ambiguous: --decimal overrules)" if column.ambiguous else name


_DELIMITER_NAMES = {"\t": "tab", " ": "space"}
_TIME_HELP = (
    "Name the column by --time, the order of its numbers by --date-order; "
    "if it stands for no time, name it by --missing; --time none keeps the order of the rows."
)


def _leading(readable: Sequence[bool]) -> int:
    """Return how many rows at the beginning cannot be read."""
    return next((place for place, good in enumerate(readable) if good), len(readable))


def _number_help(cell: str, parts: NumberParts | None, sign: str) -> str:
    if "\n" in cell:
        return "Is a quote opened and never closed?"
    if parts is None:
        return "If it stands for no value, name it by --missing; another column by --value."
    used, other = DecimalSign.point, DecimalSign.comma
    if sign == COMMA:
        used, other = other, used
    return f"The decimal sign is taken as a {used}; --decimal {other} overrules it."


def _counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _listed(names: Sequence[str]) -> str:
    """Return the first names of a list."""
    return ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
