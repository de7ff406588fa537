"""Output and input of the commands: results to stdout, messages to stderr, options as text."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spaf.cli.terminal.table_layout import wrap_parts
from spaf.errors import SettingsError, SpafError
from spaf.generate.rate import rate_problem

# Width of output that goes to no terminal: that of the widest table.
FILE_WIDTH = 160
# Blanks before the continuation of a line.
HANGING_INDENT = 2
out = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else FILE_WIDTH)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]

_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    out.file.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def print_error(error: SpafError) -> None:
    """Print an error: in bold what happened, below it what to do."""
    err.print(Text(printable(error.what), style="bold red"))
    if error.todo:
        err.print(Text(printable(error.todo)))


def printable(text: str, *, keep: str = "\n\t") -> str:
    """Return a text with control characters replaced, except those to keep."""
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)


def equation(
    records: int, accepted: int, duplicates: int | None, late: int, rejected: int
) -> list[str]:
    """Return the terms of the equation of all records, to be joined by blanks.

    `duplicates` is None in a run that does not deduplicate.
    """
    return [
        f"{counted(records, 'record')} = {accepted:,} accepted",
        *([] if duplicates is None else [f"+ {counted(duplicates, 'duplicate')}"]),
        f"+ {late:,} late",
        f"+ {rejected:,} rejected",
    ]


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def print_gaps(gaps: Mapping[str, str]) -> None:
    """Print why figures and plots of a report or a talk are gaps, each reason once."""
    for reason, number in Counter(gaps.values()).items():
        text = f"{reason} {counted(number, 'gap')}."
        err.print(printable(text), style="yellow", markup=False, highlight=False)


def print_parts(parts: Iterable[str]) -> None:
    """Print the parts of a sentence; in a narrow terminal lines break between two parts."""
    out.print(wrap_parts(parts, out.width, hang=HANGING_INDENT), highlight=False)


def duration(text: str) -> float:
    """Return the seconds that a text such as 90, 60s, 5m or 1.5h means.

    Raises:
        SettingsError: it has another form, or is not positive.

    """
    seconds = seconds_of(text)
    if not seconds:
        raise SettingsError(
            f"--for {text}: not a duration.", todo="Write seconds (90), or 60s, 5m, 1.5h."
        )
    return seconds


def seconds_of(text: str) -> float | None:
    """Return the seconds that a text such as 90, 60s, 5m or 1.5h means, or None."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    return float(match[1]) * _UNITS[match[2]] if match else None


def rate(value: float) -> float:
    """Return a rate that the load generator accepts.

    Raises:
        SettingsError: it does not accept this one.

    """
    problem = rate_problem(value)
    if problem:
        raise SettingsError(f"--rate {value:g}: {problem}.")
    return value


def rates_of(text: str) -> list[float]:
    """Return the rates of an option such as 10,100,1000.

    Raises:
        SettingsError: one is not a number, or not a rate that the load generator accepts.

    """
    rates = []
    for word in text.split(","):
        try:
            rates.append(rate(float(word)))
        except ValueError:
            raise SettingsError(
                f"--rates: {word!r} is not a number.", todo="For example --rates 10,100,1000"
            ) from None
    return rates


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a table with numbers aligned to the right; cells are not parsed as markup."""
    result = Table(title=title or None, title_justify="left", header_style="bold")
    for column, example in zip(columns, rows[0] if rows else columns, strict=True):
        number = isinstance(example, int | float | Decimal)
        # Folded in a narrow terminal, not cut: a truncated address or amount would mislead.
        result.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(cell_text(cell)) for cell in row))
    return result


def cell_text(cell: Any) -> str:
    """Return the text of a cell; control characters in it are replaced."""
    if isinstance(cell, bool):
        text = "yes" if cell else "no"
    elif isinstance(cell, int) or (isinstance(cell, Decimal) and cell.as_tuple().exponent == 0):
        text = f"{cell:,}"
    elif isinstance(cell, float | Decimal):
        text = f"{cell:,.2f}"
    elif isinstance(cell, datetime):
        text = f"{cell:%H:%M:%S}" if cell.microsecond == 0 else f"{cell:%H:%M:%S.%f}"[:-3]
    else:
        text = "" if cell is None else str(cell)
    return printable(text, keep="")
