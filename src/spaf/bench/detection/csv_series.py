"""A CSV file of the user: a rate, a level or sales, checked line by line."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn, TextIO

import msgspec

from spaf.errors import SettingsError
from spaf.sale.contract import MAX_QUANTITY, PRICE_LIMIT

RATE, LEVEL, SALES = "rate", "level", "sales"
# Accepted names of columns, in any case and with or without underscores.
TIMES = ("timestamp", "time", "datetime", "date", "ds", "eventTime", "transactionDate")
VALUES = ("value", "count", "y", "rate", "level")
PRODUCTS = ("productId", "product")
PRICES = ("productPrice", "price", "unitPrice")
QUANTITIES = ("productQuantity", "quantity")
CATEGORY, CURRENCY = ("productCategory", "category"), ("currency",)
# Epoch numbers from here on are milliseconds, then microseconds; in seconds it is the year 5138.
FIRST_MS, FIRST_US = 10**11, 10**14
# Upper limit of a count: its square still fits a BIGINT.
MAX_COUNT = 10**8
_Reader = Callable[[int, list[str]], "SeriesRow"]


class SeriesRow(msgspec.Struct, frozen=True):
    """One line of the file; `value` is the count, the level or the unit price."""

    line: int
    timestamp: str
    value: float
    quantity: int = 1
    product: str = ""
    category: str = ""
    currency: str = ""


class CsvSeries(msgspec.Struct, frozen=True):
    """The rows of a file and their kind."""

    kind: str
    rows: Sequence[SeriesRow]


def read_series(file: Path, kind: str | None = None) -> CsvSeries:
    """Return the rows of a CSV file with a header.

    Without a `kind` it is sales if there are products and prices, a rate if every value is a whole
    number of at least 0, and a level otherwise.

    Raises:
        SettingsError: the file cannot be read, or a line of it: names the line.

    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            return _read(text, file, kind)
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        raise SettingsError(f"{file}: cannot be read: {failure}") from None


def _read(text: TextIO, file: Path, kind: str | None) -> CsvSeries:
    lines = csv.reader(text)
    header = [name.strip() for name in next(lines, [])]
    if not header:
        raise SettingsError(
            f"{file}: the file is empty.", todo="It needs a header: timestamp,value"
        )
    columns = _Columns(file, header)
    if kind is None and columns.has(PRODUCTS) and columns.has(PRICES):
        kind = SALES
    read = columns.sale if kind == SALES else columns.value
    rows = list(_rows(lines, columns, read))
    if not rows:
        raise SettingsError(f"{file}: there is a header, but no row.")
    if kind is None:
        whole = all(row.value >= 0 and row.value == int(row.value) for row in rows)
        kind = RATE if whole else LEVEL
    if kind == RATE:
        for row in rows:
            if not 0 <= row.value <= MAX_COUNT or row.value != int(row.value):
                columns.fail(row.line, f"{row.value:g} is no count", "Try --kind level.")
    return CsvSeries(kind, rows)


def _rows(lines: Iterator[list[str]], columns: _Columns, read: _Reader) -> Iterator[SeriesRow]:
    last = -math.inf
    # The header is line 1; after a quoted line break the numbers are too small.
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        if len(cells) != len(columns.header):
            columns.fail(number, f"{len(cells)} cells, the header has {len(columns.header)}")
        row = read(number, cells)
        epoch_s = columns.epoch_seconds(number, row.timestamp)
        if epoch_s < last:
            columns.fail(number, f"{row.timestamp} is earlier than the line before", "Sort it.")
        last = epoch_s
        yield row


class _Columns:
    """Finds cells by the names of their columns; raises errors that name the line."""

    def __init__(self, file: Path, header: list[str]) -> None:
        self.file = file
        self.header = header
        self._indexes = {_plain(name): index for index, name in enumerate(header)}

    def has(self, names: Sequence[str]) -> bool:
        return any(_plain(name) in self._indexes for name in names)

    def cell(self, cells: list[str], names: Sequence[str], default: str | None = None) -> str:
        for name in map(_plain, names):
            if name in self._indexes:
                return cells[self._indexes[name]].strip()
        if default is None:
            raise SettingsError(
                f"{self.file}: no column {names[0]}; there are {', '.join(self.header)}.",
                todo=f"Name one of the columns {' or '.join(names)}.",
            )
        return default

    def value(self, number: int, cells: list[str]) -> SeriesRow:
        """Return a row of a series."""
        timestamp, text = self.cell(cells, TIMES), self.cell(cells, VALUES)
        try:
            value = float(text)
        except ValueError:
            self.fail(number, f"{text!r} is no number")
        if not math.isfinite(value):
            self.fail(number, f"{text} is no number to compare with", "Fill or drop it.")
        return SeriesRow(number, timestamp, value)

    def sale(self, number: int, cells: list[str]) -> SeriesRow:
        """Return a sale."""
        price = self._number(number, self.cell(cells, PRICES))
        if not 0 <= price < Decimal(PRICE_LIMIT) or price * 100 % 1:
            self.fail(number, f"price {price} is not from 0 to 10^10 with two decimals")
        quantity = self._number(number, self.cell(cells, QUANTITIES, "1"))
        if not 1 <= quantity <= MAX_QUANTITY or quantity % 1:
            self.fail(number, f"quantity {quantity} is not a whole number from 1 to 1000000")
        return SeriesRow(
            number,
            self.cell(cells, TIMES),
            float(price),
            int(quantity),
            self.cell(cells, PRODUCTS),
            self.cell(cells, CATEGORY, ""),
            self.cell(cells, CURRENCY, ""),
        )

    def epoch_seconds(self, number: int, text: str) -> float:
        """Return a time stamp as epoch seconds; without a zone it is UTC."""
        if re.fullmatch(r"\d+(\.\d+)?", text):
            value = float(text)
            return value / (1 if value < FIRST_MS else 1e3 if value < FIRST_US else 1e6)
        try:
            timestamp = datetime.fromisoformat(text)
        except ValueError:
            self.fail(number, f"{text!r} is no time stamp", "ISO 8601, or an epoch number.")
        return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).timestamp()

    def fail(self, number: int, what: str, todo: str = "") -> NoReturn:
        raise SettingsError(f"{self.file}, line {number}: {what}.", todo=todo)

    def _number(self, number: int, text: str) -> Decimal:
        try:
            value = Decimal(text)
        except InvalidOperation:
            self.fail(number, f"{text!r} is no number")
        if not value.is_finite():
            self.fail(number, f"{text} is no number to compare with")
        return value


def _plain(name: str) -> str:
    """Return the normal form of a column name."""
    return name.strip().lower().replace("_", "").replace(" ", "")
