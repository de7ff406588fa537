"""The cells of a file: DuckDB finds delimiter and quotes, Python's `csv` reads with them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

import duckdb

from spaf.bench.detection.reading.read_options import ReadOptions
from spaf.bench.detection.reading.source import PARQUET, decode, read_source
from spaf.errors import SettingsError
from spaf.store.statement import statement

# Characters that DuckDB sees; its sniffer reads about 20,000 rows.
SNIFFED = 2**21
# Spreadsheets name the delimiter in the first line: sep=;
SEP_LINE = re.compile(r'"?sep=(.)"?[\n]', re.IGNORECASE)
# A line that programs draw below a header.
RULE = re.compile(r"[-+=:]{3,}")
# Share of lines that must agree on another delimiter than the comma.
AGREED = 0.9
# csv refuses longer cells; a cell is that long if a quote is never closed.
MAX_CELL = 2**20


class GridRow(NamedTuple):
    """One row: the number of its first line in the file, and its cells without outer blanks."""

    line: int
    cells: list[str]


class Grid(NamedTuple):
    """Every row that is neither blank nor a comment, and what was found out about the file."""

    rows: list[GridRow]
    delimiter: str
    stored: str
    comments: int
    typed: bool = False
    """The file itself has column names and types: Parquet."""


def read_grid(file: Path, options: ReadOptions) -> Grid:
    """Return the cells of a CSV or Parquet file.

    Raises:
        SettingsError: the file cannot be read.

    """
    source = read_source(file)
    if source.data.startswith(PARQUET):
        return _parquet(file, source.data)
    text, encoding = decode(file, source.data, options.encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    stored = f"{encoding}, {source.compression}" if source.compression else encoding
    first = SEP_LINE.match(text)
    delimiter = options.delimiter_character or (first[1] if first else None)
    if delimiter is not None and len(delimiter) != 1:
        raise SettingsError(
            f"--delimiter {options.delimiter}: it must be one character.",
            todo="Or one of tab, comma, semicolon, pipe, space.",
        )
    start = first.end() if first else 0
    dialect = _sniff(text[start : start + SNIFFED], delimiter)
    above = 1 if first else 0
    rows = list(_rows(file, text[start:], dialect, above))
    if delimiter is None and _splits_decimals(rows, dialect.delimiter):
        rows = list(_rows(file, text[start:], dialect._replace(delimiter=";"), above))
    kept, comments = _without_comments(rows)
    return Grid(kept, dialect.delimiter, stored, comments)


def _splits_decimals(rows: Sequence[GridRow], delimiter: str) -> bool:
    """Return whether the comma separates nothing but the decimals of a single column."""
    return (
        delimiter == ","
        and len(rows) > 1
        and len(rows[0].cells) == 1
        and all(row.cells[-1].isdecimal() and not row.cells[2:] for row in rows[1:])
        and any(len(row.cells) > 1 for row in rows)
    )


def _without_comments(rows: Sequence[GridRow]) -> tuple[list[GridRow], int]:
    """Return the rows that are neither comments nor rules, and the number of the others.

    A comment right above the first row may hold the names: "# time,value".
    """
    marked = [row.cells[0].startswith("#") for row in rows]
    if 2 * sum(marked) > len(rows):
        # Order numbers, for example.
        marked = [False] * len(rows)
    kept = [
        row
        for row, comment in zip(rows, marked, strict=True)
        if not comment and not all(map(RULE.fullmatch, filter(None, row.cells)))
    ]
    comments = len(rows) - len(kept)
    above = [row for row in rows if kept and row.line < kept[0].line]
    if above and len(above[-1].cells) == len(kept[0].cells) > 1:
        names = [above[-1].cells[0].lstrip("# "), *above[-1].cells[1:]]
        return [GridRow(above[-1].line, names), *kept], comments - 1
    return kept, comments


class _Dialect(NamedTuple):
    delimiter: str
    quote: str
    escape: str | None


def _sniff(text: str, delimiter: str | None) -> _Dialect:
    """Return the dialect that DuckDB finds in a part of the text."""
    query, named = statement(__package__, "sniff_csv"), {}
    if delimiter is not None:
        query = statement(__package__, "sniff_csv_with_delimiter")
        named = {"delimiter": delimiter}
    sniffed = None
    with NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as sample:
        sample.write(text)
        sample.flush()
        try:
            with duckdb.connect(config={"threads": 1}) as database:
                sniffed = database.execute(
                    query.decode(), {"path": sample.name, **named}
                ).fetchone()
        except duckdb.Error:
            # It finds no table, for example in a single line without a delimiter.
            pass
    sniffed_delimiter, quote, escape = sniffed or (",", '"', "")
    if delimiter is None:
        sniffed_delimiter = _rather_than_comma(text, sniffed_delimiter)
    return _Dialect(
        delimiter or sniffed_delimiter,
        quote if len(quote) == 1 else '"',
        "\\" if escape == "\\" else None,
    )


def _rather_than_comma(text: str, delimiter: str) -> str:
    """Return the delimiter; a comma may be a decimal sign if all lines agree on another one."""
    lines = [line for line in text.split("\n", 1_000)[:1_000] if line.strip()]
    if delimiter != "," or not lines:
        return delimiter
    for other in ";\t|":
        counts = [line.count(other) for line in lines]
        usual = max(set(counts), key=counts.count)
        if usual and counts.count(usual) >= AGREED * len(lines):
            return other
    return delimiter


def _rows(file: Path, text: str, dialect: _Dialect, before: int) -> Iterator[GridRow]:
    """Yield the rows that are not blank; `before` lines stand above the text."""
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(
        io.StringIO(text),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        skipinitialspace=dialect.delimiter != "\t",
    )
    start = before + 1
    try:
        for cells in reader:
            stripped = [_cell(cell) for cell in cells]
            if any(stripped):
                yield GridRow(start, stripped)
            start = before + reader.line_num + 1
    except csv.Error as failure:
        raise SettingsError(
            f"{file}, line {start}: {failure}.", todo="Is a quote opened and never closed?"
        ) from None


def _cell(text: str) -> str:
    """Return a cell without outer blanks and without the formula that keeps digits: ="0123"."""
    plain = text.strip()
    return plain[2:-1] if plain.startswith('="') and plain.endswith('"') else plain


def _parquet(file: Path, data: bytes) -> Grid:
    """Return the columns of a Parquet file as text, times in UTC."""
    with NamedTemporaryFile(suffix=".parquet") as copy:
        copy.write(data)
        copy.flush()
        try:
            with duckdb.connect(config={"threads": 1}) as database:
                database.execute("SET TimeZone = 'UTC'")
                read = database.read_parquet(copy.name).project("CAST(COLUMNS(*) AS VARCHAR)")
                names = read.columns
                rows = [
                    GridRow(number, ["" if cell is None else cell.strip() for cell in cells])
                    for number, cells in enumerate(read.fetchall(), start=1)
                ]
        except duckdb.Error as failure:
            reason = str(failure).splitlines()[0].replace(copy.name, str(file))
            raise SettingsError(f"{file}: cannot be read as Parquet: {reason}.") from None
    return Grid([GridRow(0, names), *rows], "", "Parquet", 0, typed=True)
