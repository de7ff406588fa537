"""`spaf detect`: the job's anomaly rules over a CSV file."""

from __future__ import annotations

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from spaf import settings
from spaf.bench.detection.csv_series import read_series
from spaf.bench.detection.detect import Scored
from spaf.bench.detection.detect import detect as score
from spaf.cli.terminal.output import Json, counted, err, out, print_json, table
from spaf.errors import SettingsError

# Flagged rows that are printed; of the others only their number.
MAX_PRINTED = 20


class SeriesKind(StrEnum):
    """The kind of values in a file."""

    rate = "rate"
    level = "level"
    sales = "sales"


def detect(
    file: Annotated[Path, typer.Argument(help="CSV with a header: timestamp,value or sales.")],
    kind: Annotated[
        SeriesKind | None,
        typer.Option(help="Events a step, a level, or sales; without it, inferred from the file."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", help="Write every row with its score, as CSV.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Run the job's anomaly rules over a CSV file: one score a row; needs no stack.

    A rate is judged by the rule for traffic, a level by the rule for prices on its logarithm.
    """
    series = read_series(file, None if kind is None else kind.value)
    with err.status(f"{counted(len(series.rows), 'row')} read as {series.kind}"):
        rows = score(settings.load(), series)
    if output is not None:
        _write(rows, output)
    flagged = [row for row in rows if row.flagged]
    if json:
        print_json(
            {"kind": series.kind, "rows": len(rows), "flagged": len(flagged), "scores": rows}
        )
        return
    out.print(
        f"{file.name}: {counted(len(rows), 'row')} read as {series.kind}; {len(flagged):,} flagged",
        highlight=False,
        markup=False,
    )
    if flagged:
        columns = ("row", "timestamp", "value", "expected", "score")
        cells = [(r.row, r.timestamp, r.value, r.expected, r.score) for r in flagged[:MAX_PRINTED]]
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
