"""What every verb prints with: messages to stderr, answers to stdout."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spaf.cli.terminal.table_layout import flow
from spaf.errors import SettingsError, SpafError
from spaf.generate.rate import rate_problem

# Where no terminal sets the width, lines are as long as our widest table, not cut at 80.
FILE_WIDTH = 160
# A line that goes on below is seen to do so, blanks.
HANG = 2
out = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else FILE_WIDTH)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]

_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    out.file.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def complain(error: SpafError) -> None:
    """Print an error: what happened in bold, what to do below it."""
    err.print(Text(printable(error.what), style="bold red"))
    if error.todo:
        err.print(Text(printable(error.todo)))


def printable(text: str, *, keep: str = "\n\t") -> str:
    """Return a text of others with its control characters made visible, but for those to keep."""
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)


def equation(
    records: int, accepted: int, duplicates: int | None, late: int, rejected: int
) -> list[str]:
    """Return what became of all records, in parts that make one sentence with blanks between them.

    Duplicates are a term only of a run that counts each transactionId once; else they are None.
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


def print_parts(parts: Iterable[str]) -> None:
    """Print parts of one sentence; in a narrow terminal its lines end between two of them."""
    out.print(flow(parts, out.width, hang=HANG), highlight=False)


def duration(text: str) -> float:
    """Return the seconds that a text such as 90, 60s, 5m or 1.5h means.

    Raises:
        SettingsError: it is none of these, or not positive.

    """
    seconds = seconds_of(text)
    if not seconds:
        raise SettingsError(
            f"--for {text}: not a duration.", todo="Write seconds (90), or 60s, 5m, 1.5h."
        )
    return seconds


def seconds_of(text: str) -> float | None:
    """Return the seconds that a text such as 90, 60s, 5m or 1.5h means, or None."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None


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
    found = []
    for word in text.split(","):
        try:
            found.append(rate(float(word)))
        except ValueError:
            raise SettingsError(
                f"--rates: {word!r} is not a number.", todo="For example --rates 10,100,1000"
            ) from None
    return found


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a table; numbers stand to the right, and no cell is read as markup."""
    made = Table(title=title or None, title_justify="left", header_style="bold")
    for column, example in zip(columns, rows[0] if rows else columns, strict=True):
        number = isinstance(example, int | float | Decimal)
        # Folded in a narrow terminal, never cut: half an address or amount is worse than none.
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(shown(cell)) for cell in row))
    return made


def shown(cell: Any) -> str:
    """Return a cell as a person reads it; control characters of a text are made visible."""
    if isinstance(cell, bool):
        text = "yes" if cell else "no"
    elif isinstance(cell, int):
        text = f"{cell:,}"
    elif isinstance(cell, float | Decimal):
        text = f"{cell:,.2f}"
    elif isinstance(cell, datetime):
        text = f"{cell:%H:%M:%S}" if cell.microsecond == 0 else f"{cell:%H:%M:%S.%f}"[:-3]
    else:
        text = "" if cell is None else str(cell)
    return printable(text, keep="")
