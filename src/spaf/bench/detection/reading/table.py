"""The table in a file: where its header and its rows are, and which column holds what."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from spaf.bench.detection.reading.grid import Grid, GridRow, read_grid
from spaf.bench.detection.reading.numbers import MISSING, is_number
from spaf.bench.detection.reading.read_options import ReadOptions
from spaf.bench.detection.reading.times import TimeReader, is_clock
from spaf.errors import SettingsError

# Accepted names of columns in English and Portuguese, as `plain_name` writes them.
TIMES = (
    *("timestamp", "datetime", "datahora", "eventtime", "transactiondate", "createdat"),
    *("invoicedate", "orderdate", "orderpurchasetimestamp", "observationdate", "timeperiod"),
    *("datadopedido", "datadavenda", "datavenda", "datadacompra", "dtvenda", "datareferencia"),
    *("datadacoleta", "time", "date", "ds", "data", "dt", "dia", "day", "mes", "month"),
    *("periodo", "period", "instante", "ts", "epoch", "unixtime", "when", "quando", "hora", "ano"),
    *("year",),
)
VALUES = (
    *("value", "valor", "obsvalue", "count", "contagem", "y", "rate", "taxa", "level", "nivel"),
    *("total", "totalsales", "revenue", "receita", "faturamento", "amount", "montante"),
    *("quantity", "quantidade", "qtd", "qtde", "vendas", "sales", "pedidos", "orders"),
    *(
        "close",
        "adjclose",
        "last",
        "ultimo",
        "fechamento",
        "price",
        "preco",
        "cotacao",
        "indice",
        "index",
    ),
)
PRODUCTS = (
    *("productid", "product", "productname", "sku", "lineitemsku", "lineitemname", "stockcode"),
    *("itemname", "item", "produto", "idproduto", "codigoproduto", "codproduto", "nomeproduto"),
)
PRICES = (
    *("productprice", "unitprice", "price", "lineitemprice", "itemcost", "itemprice"),
    *("preco", "precounitario", "precounit", "valorunitario", "vlrunitario", "valordevenda"),
)
QUANTITIES = (
    *("productquantity", "quantity", "qty", "lineitemquantity", "units"),
    *("quantidade", "qtd", "qtde", "quant"),
)
CATEGORIES = ("productcategory", "category", "categorycode", "categoria")
CURRENCIES = ("currency", "currencycode", "moeda")
HOURS = ("hora", "hour", "hr", "horario", "time", "horautc", "horautcgmt")
YEARS, MONTHS, DAYS = ("ano", "year"), ("mes", "month"), ("dia", "day")
# Rows in which the header is searched, and rows that show what a column holds.
MAX_PREAMBLE, SAMPLE = 100, 500
# Cells that show whether a column holds dates, which are slow to read.
DATES = 50
# Share of the sampled cells that decides what a column holds.
MAJORITY = 0.8


def plain_name(name: str) -> str:
    """Return a column's name in lower case, without accents, units in brackets, and signs."""
    bare = re.sub(r"[(\[].*?[)\]]", "", name) or name
    letters = unicodedata.normalize("NFKD", bare).casefold()
    return "".join(letter for letter in letters if letter.isalnum() and letter.isascii())


KNOWN = frozenset((*TIMES, *VALUES, *PRODUCTS, *PRICES, *QUANTITIES, *HOURS))


class CellTable:
    """Header and rows of a file; finds columns by their names and by what they hold."""

    def __init__(self, file: Path, options: ReadOptions) -> None:
        """Read the file.

        Raises:
            SettingsError: it cannot be read, or has no rows.

        """
        self.file = file
        self.grid: Grid = read_grid(file, options)
        self.missing = MISSING | {text.strip().casefold() for text in options.missing}
        rows = self.grid.rows
        if not rows:
            raise SettingsError(f"{file}: the file is empty.", todo="It needs rows of numbers.")
        place = 0 if self.grid.typed else self._header_place(rows)
        self.header_line = 0 if place is None else rows[place].line
        self.preamble = place or 0
        self.rows: Sequence[GridRow] = rows if place is None else rows[place + 1 :]
        width = max(len(row.cells) for row in (self.rows or rows)[:SAMPLE])
        named = [] if place is None else rows[place].cells
        self.header = [
            name or f"column {number}" for number, name in enumerate(named, start=1)
        ] or [f"column {number}" for number in range(1, width + 1)]
        if not self.rows:
            raise SettingsError(
                f"{file}: there is a header, but no row."
                if place == 0
                else f"{file}: no row holds a number.",
            )
        self.portuguese = any(not cell.isascii() for cell in named) or any(
            plain_name(cell) in _PORTUGUESE for cell in named
        )

    def _header_place(self, rows: Sequence[GridRow]) -> int | None:
        """Return the index of the header, or None without one.

        It is the first row of names that are known; else the longest row of text above the numbers.
        """
        first_data = len(rows)
        usual = Counter(len(row.cells) for row in rows[:SAMPLE]).most_common(1)[0][0]
        texts = []
        for place, row in enumerate(rows[:MAX_PREAMBLE]):
            filled = [cell for cell in row.cells if cell]
            if any(self._is_data(cell) for cell in filled):
                if len(row.cells) >= usual:
                    first_data = min(first_data, place)
                continue
            known = sum(plain_name(cell) in KNOWN for cell in filled)
            if known and known >= min(2, usual):
                return place
            if len(row.cells) >= usual and place < first_data:
                texts.append((2 * known + len(filled), place))
        return max(texts)[1] if texts else None

    def _is_data(self, cell: str) -> bool:
        return is_number(cell) or (any(map(str.isdigit, cell)) and is_time(cell))

    def index(self, name: str, option: str) -> int:
        """Return the column that an option names, by its name or its number from 1.

        Raises:
            SettingsError: there is no such column.

        """
        for spelled in (lambda text: text.strip(), plain_name):
            for index, title in enumerate(self.header):
                if spelled(title) == spelled(name) != "":
                    return index
        if name.isdecimal() and 1 <= int(name) <= len(self.header):
            return int(name) - 1
        raise SettingsError(
            f"{self.file}: no column {name} for {option}; there are {', '.join(self.header)}."
        )

    def known(self, names: Sequence[str], *, words: bool = False) -> list[int]:
        """Return the columns of these names, in the order of the names.

        With `words` the first or the last word of a title may be the name, as in "Valor (R$)" or
        "average price"; a word in the middle only describes another one.
        """
        plain = [
            {*map(plain_name, _outer_words(title))} if words else {plain_name(title)}
            for title in self.header
        ]
        return [index for name in names for index, own in enumerate(plain) if name in own]

    def known_numbers(self, names: Sequence[str]) -> list[int]:
        """Return the columns of these names that hold numbers."""
        return [index for index in self.known(names) if self.holds_numbers(index)]

    def cell(self, row: GridRow, index: int) -> str:
        """Return a cell, empty if the row is too short."""
        return row.cells[index] if index < len(row.cells) else ""

    def column(self, index: int) -> list[str]:
        """Return the cells of a column."""
        return [self.cell(row, index) for row in self.rows]

    def sample(self, index: int) -> list[str]:
        """Return cells of a column that hold something, from its beginning."""
        cells = (self.cell(row, index) for row in self.rows[:SAMPLE])
        return [cell for cell in cells if not self.is_missing(cell)]

    def is_missing(self, cell: str) -> bool:
        """Return whether a cell stands for no value."""
        return cell.casefold() in self.missing

    def holds_numbers(self, index: int) -> bool:
        """Return whether most cells of a column are numbers."""
        cells = self.sample(index)
        return bool(cells) and sum(map(is_number, cells)) >= MAJORITY * len(cells)

    def holds_times(self, index: int, *, numbers: bool) -> bool:
        """Return whether most cells of a column are dates; `numbers` may be epochs of any size."""
        cells = self.sample(index)[:DATES]
        if not cells or all(map(is_clock, cells)):
            return False
        if all(map(is_number, cells)):
            form = TimeReader(None, None, prefer_day_first=True).read(cells).form
            return numbers or (form.startswith(("epoch", "compact")) and is_epoch(cells))
        return sum(map(is_time, cells)) >= MAJORITY * len(cells)

    def holds_clocks(self, index: int) -> bool:
        """Return whether all sampled cells of a column are times of day."""
        cells = self.sample(index)
        return bool(cells) and all(map(is_clock, cells))

    def names_rows(self, index: int) -> bool:
        """Return whether a column only numbers the rows, or holds identifiers."""
        cells = self.sample(index)
        return _IDENTIFIER.search(self.header[index]) is not None or any(
            cells == [*map(str, range(first, first + len(cells)))] for first in (0, 1)
        )

    def fail(self, place: int, index: int, what: str, todo: str = "") -> SettingsError:
        """Return the error about a cell: it names file, row, column and the cell."""
        row = self.rows[place]
        return SettingsError(
            f"{self.file}, line {row.line} (row {place + 1}), column {self.header[index]}: "
            f"{self.cell(row, index)!r} {what}.",
            todo=todo,
        )


_IDENTIFIER = re.compile(r"(?:^|[\W_])(?:id|ID|code|cod|c\u00f3digo|codigo)$|[a-z]I[dD]$")
_PORTUGUESE = frozenset(
    (
        *("data", "datahora", "valor", "hora", "dia", "mes", "ano", "quantidade", "qtd", "qtde"),
        *("preco", "produto", "vendas", "receita", "faturamento", "categoria", "moeda", "taxa"),
        *("datum", "wert", "menge", "preis", "fecha", "precio", "cantidad", "dato", "prix"),
    )
)
# Numbers without a known name are epochs from 1990 on, or dates of eight digits and more.
_EPOCH = re.compile(r"(?:6[3-9]|[7-9][0-9]|[1-4][0-9]{2})[0-9]{7}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?")
_COMPACT = re.compile(
    r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}){0,1}(?:[0-9]{2})?"
)


def is_epoch(cells: Sequence[str]) -> bool:
    """Return whether numbers look like epochs or compact dates without the name of their column."""
    return all(map(_EPOCH.fullmatch, cells)) or all(map(_COMPACT.fullmatch, cells))


def is_time(text: str) -> bool:
    """Return whether a cell holds a date, with or without a time of day."""
    return TimeReader(None, None, prefer_day_first=True).read([text]).instants[0] is not None


def _outer_words(title: str) -> list[str]:
    """Return the first and the last word of a title, without a unit in brackets."""
    words = re.findall(r"[^\W_]+", re.split(r"[(\[]", title)[0])
    return [words[0], words[-1]] if words else []
