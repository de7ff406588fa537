"""`spaf quarantine list` and `export`: all records of the quarantine."""

from __future__ import annotations

import base64
import csv
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import psycopg
import typer

from spaf import clock, settings
from spaf.cli.terminal.output import Json, counted, err, out, print_json, seconds_of, table
from spaf.errors import SettingsError
from spaf.quarantine import reader
from spaf.quarantine.reader import QuarantinedRecord, RowFilter
from spaf.quarantine.reason_messages import RULES, rule, shown
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

# Length of the beginning of a record in the list: one line of a table, bytes.
PREVIEW_BYTES = 60

Reason = Annotated[
    str | None, typer.Option(help=f"Only records of one reason: {', '.join(map(str, RULES))}.")
]
Since = Annotated[
    str | None,
    typer.Option(help="Only records that arrived since: 10m, 2h, or 2026-11-22T15:00 (UTC)."),
]


class Format(StrEnum):
    """How an export is written."""

    JSONL = "jsonl"
    CSV = "csv"


def list_(
    reason: Reason = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many records.")] = 10,
    *,
    json: Json = False,
) -> None:
    """Show how many records were not accepted and why, late sales with their money, the newest."""
    row_filter = _row_filter(reason, since)
    with Run.attach(settings.load()).access.session(Role.READ) as connection:
        totals = queries.quarantine_totals(connection)
        summary = queries.quarantine_summary(connection)
        late = queries.quarantine_late(connection)
        newest = reader.newest(connection, row_filter, limit)
    if json:
        print_json(
            {
                **asdict(totals),
                "sampled": totals.sampled,
                "reasons": summary,
                "late": late,
                "records": [record_json(record) for record in newest],
            }
        )
        return
    if reason is None and since is None:
        _print_summary(totals, summary, late)
    _print_newest(newest)


def export(
    file: Annotated[
        Path | None, typer.Argument(help="A new file; `-`, or none, is standard output.")
    ] = None,
    reason: Reason = None,
    since: Since = None,
    chosen: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="One JSON object a line, or CSV; without it CSV if the file is named *.csv, else "
            "JSON lines.",
        ),
    ] = None,
) -> None:
    r"""Write every record that is kept, oldest first, with its bytes.

    In JSON lines the record is `payload` if it is text in UTF-8, else `payload_base64`. In CSV it
    is hexadecimal behind a `\x`, so that no spreadsheet takes a record for a formula.
    """
    row_filter = _row_filter(reason, since)
    format_ = chosen or _format_of(file)
    with Run.attach(settings.load()).access.session(Role.READ) as connection:
        if file is None or file == Path("-"):
            _write(connection, row_filter, format_, sys.stdout)
            return
        try:
            with file.open("x", encoding="utf-8", newline="") as target:
                number = _write(connection, row_filter, format_, target)
        except OSError as error:
            raise SettingsError(
                f"{file} cannot be written: {error.strerror}.", todo="Name a new file."
            ) from None
    err.print(f"{counted(number, 'record')} in {file}", markup=False, highlight=False)


def record_json(record: QuarantinedRecord) -> dict[str, Any]:
    """Return a record for JSON: its bytes as text if they are UTF-8, else in base64."""
    fields = asdict(record)
    payload = fields.pop("payload")
    fields["rule"] = rule(record.reason)
    if record.cut:
        fields["cut"] = True
    try:
        fields["payload"] = None if payload is None else payload.decode()
    except UnicodeDecodeError:
        fields["payload_base64"] = base64.b64encode(payload).decode()
    return fields


def _format_of(file: Path | None) -> Format:
    """Return the format that the ending of a file name stands for."""
    return Format.CSV if file is not None and file.suffix.lower() == ".csv" else Format.JSONL


def _row_filter(reason: str | None, since: str | None) -> RowFilter:
    if reason is not None and reason not in RULES:
        raise SettingsError(
            f"--reason {reason}: there is no such reason.", todo=f"One of {', '.join(RULES)}."
        )
    return RowFilter(reason, None if since is None else _moment(since))


def _moment(text: str) -> datetime:
    """Return the time that a duration before now, or an ISO 8601 time, stands for."""
    now = datetime.fromtimestamp(clock.now_ms() / 1_000, UTC)
    seconds = seconds_of(text)
    if seconds is not None:
        return now - timedelta(seconds=seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"--since {text}: neither a duration nor a time.",
            todo="Write 90s, 10m, 2h, or a time such as 2026-11-22T15:00 (UTC).",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write(
    connection: psycopg.Connection, row_filter: RowFilter, format_: Format, file: IO[str]
) -> int:
    """Write all records that pass the filter, and return their number."""
    records = reader.every(connection, row_filter)
    return _write_csv(records, file) if format_ is Format.CSV else _write_lines(records, file)


def _write_lines(records: Iterable[QuarantinedRecord], file: IO[str]) -> int:
    number = 0
    for number, record in enumerate(records, 1):  # noqa: B007 - the last number is returned
        file.write(msgspec.json.encode(record_json(record)).decode() + "\n")
    return number


def _write_csv(records: Iterable[QuarantinedRecord], file: IO[str]) -> int:
    writer = csv.writer(file)
    writer.writerow(
        [
            *("partition", "offset", "append_time", "reason", "payload_bytes", "currency"),
            *("amount", "lateness_ms", "replays", "payload"),
        ]
    )
    number = 0
    for number, record in enumerate(records, 1):  # noqa: B007 - the last number is returned
        payload = None if record.payload is None else f"\\x{record.payload.hex()}"
        writer.writerow(
            [
                *(record.partition, record.offset, record.append_time.isoformat(), record.reason),
                *(record.payload_bytes, record.currency, record.amount, record.lateness_ms),
                *(record.replays, payload),
            ]
        )
    return number


def _print_summary(
    totals: queries.QuarantineTotals, summary: list[queries.Row], late: list[queries.Row]
) -> None:
    if not totals.explained and not totals.waiting:
        err.print("Every record was accepted.")
        return
    if summary:
        columns = ("reason", "records", "kept", "meaning")
        rows = [(r["reason"], r["records"], r["kept"], rule(r["reason"])) for r in summary]
        out.print(table("", columns, rows))
    for row in late:
        out.print(late_line(row), highlight=False)
    for line in notes(totals):
        out.print(line, style="yellow", highlight=False)


def late_line(row: queries.Row) -> str:
    """Return a line on the late sales of one currency, or on those that were not read."""
    if row["currency"] is None:
        return f"late: {counted(row['sales'], 'more sale')} not read, so without their money"
    return f"late: {counted(row['sales'], 'sale')}, {row['currency']} {row['amount']:,.2f}"


def notes(totals: queries.QuarantineTotals) -> list[str]:
    """Return the limitations of the numbers: records that are waiting, unread or deleted."""
    lines = []
    if totals.waiting:
        lines.append(f"{counted(totals.waiting, 'more record')} waiting to be explained")
    if totals.sampled:
        lines.append(
            f"sampled: too many arrived at once; {counted(totals.not_read, 'record')} counted "
            "without being read"
        )
    elif totals.kept < totals.explained:
        lines.append(f"{totals.kept:,} of {counted(totals.explained, 'record')} kept, the newest")
    return lines


def _print_newest(newest: list[QuarantinedRecord]) -> None:
    if not newest:
        return
    columns = ("record", "arrived (UTC)", "reason", "bytes", "replays", "begins with")
    out.print(
        table(
            "",
            columns,
            [
                (
                    f"{record.partition}:{record.offset}",
                    f"{record.append_time:%Y-%m-%d %H:%M:%S}",
                    record.reason,
                    record.payload_bytes,
                    record.replays,
                    shown((record.payload or b"")[:PREVIEW_BYTES]),
                )
                for record in newest
            ],
        )
    )
