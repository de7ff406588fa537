"""`spaf detect`: the job's anomaly rules over a file."""

from __future__ import annotations

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from spaf import settings
from spaf.bench.detection.csv_series import SALES, CsvSeries, read_series
from spaf.bench.detection.detect import Scored
from spaf.bench.detection.detect import detect as score
from spaf.bench.detection.plot import TERMINAL, check_plot, terminal_plot, write_plot
from spaf.bench.detection.reading.read_options import DateOrder, DecimalSign, ReadOptions
from spaf.bench.detection.reading.source import STDIN
from spaf.cli.terminal.output import Json, counted, err, out, print_json, printable, table
from spaf.cli.terminal.progress import progress_line
from spaf.errors import SettingsError

# Flagged rows that are printed; of the others only their number.
MAX_PRINTED = 20
# Help of the options that overrule what is found out from the file.
_READING = "Reading the file"


class SeriesKind(StrEnum):
    """The kind of values in a file."""

    rate = "rate"
    level = "level"
    sales = "sales"


def detect(  # noqa: PLR0913 - each is an option
    file: Annotated[
        Path, typer.Argument(help="CSV of any program, Parquet, compressed or not; - reads stdin.")
    ],
    kind: Annotated[
        SeriesKind | None,
        typer.Option(help="Events a step, a level, or sales; without it, inferred from the file."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", help="Write every row with its score, as CSV.")
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Plot to a file .svg or .png; - plots in the terminal."),
    ] = None,
    *,
    time: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the time, by name or number; twice for date and time of day; "
            "none: rows are steps.",
            rich_help_panel=_READING,
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column to score, by name or number; repeatable, each a series.",
            rich_help_panel=_READING,
        ),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[=NAME]",
            help="Column that names the series of a row; with a name, only that series.",
            rich_help_panel=_READING,
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="A character, or tab, comma, semicolon, pipe, space.", rich_help_panel=_READING
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Such as utf-8, utf-16, latin-1, cp1252.", rich_help_panel=_READING),
    ] = None,
    decimal: Annotated[
        DecimalSign | None,
        typer.Option(
            help="The decimal sign; the other separates thousands.", rich_help_panel=_READING
        ),
    ] = None,
    date_order: Annotated[
        DateOrder | None,
        typer.Option(
            help="Order of day, month and year in dates such as 02/01/2024.",
            rich_help_panel=_READING,
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            help="Zone of times that name none, such as America/Sao_Paulo; without it UTC.",
            rich_help_panel=_READING,
        ),
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="A further text that stands for no value, such as -9999; repeatable.",
            rich_help_panel=_READING,
        ),
    ] = None,
    drop_copies: Annotated[
        bool,
        typer.Option(
            "--drop-copies",
            help="Drop rows that are copies of another row.",
            rich_help_panel=_READING,
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Run the job's anomaly rules over a file: one score a row; needs no stack.

    Rates and levels are judged by the rule for series, sales by the rules for prices and
    quantities. What was found out about the file is printed as one line on standard error.
    """
    if plot is not None:
        check_plot(plot)
    options = ReadOptions(
        kind=None if kind is None else kind.value,
        delimiter=delimiter,
        encoding=encoding,
        decimal=decimal,
        date_order=date_order,
        zone=zone,
        time=tuple(time or ()),
        value=tuple(value or ()),
        series=series,
        missing=tuple(missing or ()),
        drop_copies=drop_copies,
    )
    name = "standard input" if file == STDIN else printable(file.name)
    read, rows = _scored(file, name, options)
    if output is not None:
        _write(rows, output)
    title = _title(name, read, rows)
    if plot is not None and plot != TERMINAL:
        write_plot(Path(plot), title, read, rows)
    if json:
        _print_json(read, rows)
    else:
        out.print(title, highlight=False, markup=False)
        _print_flagged(rows)
    if plot == TERMINAL:
        _plot_in(err if json else out, title, read, rows)


def _scored(file: Path, name: str, options: ReadOptions) -> tuple[CsvSeries, list[Scored]]:
    """Read and score a file; print what was assumed of it, and if nothing could be scored."""
    read = read_series(file, options)
    assumptions = printable("; ".join(read.assumptions), keep="")
    err.print(f"{name}: {assumptions}", soft_wrap=True, highlight=False, markup=False)
    with progress_line() as progress:
        rows = score(settings.load(), read, progress)
    if read.kind != SALES and all(row.score is None for row in rows):
        err.print("No row has a score, because the history is too short.")
    return read, rows


def _title(name: str, read: CsvSeries, rows: list[Scored]) -> str:
    scored = sum(row.score is not None for row in rows)
    # A sale without a deviation has no score before the first one that deviates.
    count = "" if read.kind == SALES else f"{scored:,} scored, "
    flagged = f"{sum(row.flagged for row in rows):,} flagged"
    return f"{name}: {counted(len(rows), 'row')} read as {read.kind}; {count}{flagged}"


def _plot_in(console: Console, title: str, read: CsvSeries, rows: list[Scored]) -> None:
    ascii_only = not console.encoding.lower().startswith("utf")
    text = terminal_plot(title, read, rows, console.width, ascii_only=ascii_only)
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _print_json(read: CsvSeries, rows: list[Scored]) -> None:
    print_json(
        {
            "kind": read.kind,
            "rows": len(rows),
            "flagged": sum(row.flagged for row in rows),
            "rows_read": read.rows_read,
            "dropped": read.dropped,
            "assumptions": read.assumptions,
            "scores": rows,
        }
    )


def _print_flagged(rows: list[Scored]) -> None:
    flagged = [row for row in rows if row.flagged]
    if flagged:
        sales = any(row.kind for row in flagged)
        several = any(row.series for row in rows)
        names = (*["kind"] * sales, *["series"] * several)
        cells = [
            (r.row, r.timestamp, r.value, r.expected, r.score, *(getattr(r, n) for n in names))
            for r in flagged[:MAX_PRINTED]
        ]
        columns = ("row", "timestamp", "value", "expected", "score", *names)
        out.print(table("", columns, cells))
    if len(flagged) > MAX_PRINTED:
        out.print(f"... and {len(flagged) - MAX_PRINTED:,} more; --out FILE writes them all")


def _write(rows: list[Scored], output: Path) -> None:
    try:
        with output.open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text)
            writer.writerow(Scored.__struct_fields__)
            writer.writerows(map(msgspec.structs.astuple, rows))
    except OSError as failure:
        raise SettingsError(f"--out {output}: cannot be written: {failure}") from None
