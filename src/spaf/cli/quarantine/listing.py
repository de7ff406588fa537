"""`spaf quarantine list` and `export`: all of them."""

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
from spaf.cli.terminal.output import Json, err, out, print_json, seconds_of, table
from spaf.errors import SettingsError
from spaf.quarantine import reader
from spaf.quarantine.reader import QuarantinedRecord, RowFilter
from spaf.quarantine.reason_messages import RULES, rule, shown
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

# As much of a record as fits beside the rest on a line, bytes.
BEGINNING = 60

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
    wanted = _wanted(reason, since)
    with Run.attach(settings.load()).access.session(Role.READ) as connection:
        whole = queries.quarantine(connection)
        summary = queries.quarantine_summary(connection)
        late = queries.quarantine_late(connection)
        newest = reader.newest(connection, wanted, limit)
    if json:
        print_json(
            {
                **asdict(whole),
                "sampled": whole.sampled,
                "reasons": summary,
                "late": late,
                "records": [as_dict(kept) for kept in newest],
            }
        )
        return
    if reason is None and since is None:
        _print_summary(whole, summary, late)
    _print_newest(newest)


def export(
    file: Annotated[
        Path | None, typer.Argument(help="A new file; `-`, or none, is standard output.")
    ] = None,
    reason: Reason = None,
    since: Since = None,
    form: Annotated[
        Format, typer.Option("--format", help="One JSON object a line, or CSV.")
    ] = Format.JSONL,
) -> None:
    r"""Write every record that is kept, oldest first, with its bytes.

    In JSON lines the record is `payload` if it is text in UTF-8, else `payload_base64`. In CSV it
    is hexadecimal behind a `\x`, so that no spreadsheet takes a record for a formula.
    """
    wanted = _wanted(reason, since)
    session = Run.attach(settings.load())
    with session.access.session(Role.READ) as connection:
        if file is None or file == Path("-"):
            _write(connection, wanted, form, sys.stdout)
            return
        try:
            with file.open("x", encoding="utf-8", newline="") as target:
                number = _write(connection, wanted, form, target)
        except OSError as error:
            raise SettingsError(
                f"{file} cannot be written: {error.strerror}.", todo="Name a new file."
            ) from None
    err.print(f"{number:,} records in {file}", markup=False, highlight=False)


def as_dict(kept: QuarantinedRecord) -> dict[str, Any]:
    """Return a record for JSON; its bytes as text, or in base64."""
    found = asdict(kept)
    payload = found.pop("payload")
    found["rule"] = rule(kept.reason)
    if kept.cut:
        found["cut"] = True
    try:
        found["payload"] = None if payload is None else payload.decode()
    except UnicodeDecodeError:
        found["payload_base64"] = base64.b64encode(payload).decode()
    return found


def _wanted(reason: str | None, since: str | None) -> RowFilter:
    if reason is not None and reason not in RULES:
        raise SettingsError(
            f"--reason {reason}: there is no such reason.", todo=f"One of {', '.join(RULES)}."
        )
    return RowFilter(reason, None if since is None else _moment(since))


def _moment(text: str) -> datetime:
    """Return the moment that a duration before now, or an ISO 8601 time, means."""
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


def _write(connection: psycopg.Connection, wanted: RowFilter, form: Format, file: IO[str]) -> int:
    """Write all rows and return how many."""
    found = reader.every(connection, wanted)
    return _write_csv(found, file) if form is Format.CSV else _write_lines(found, file)


def _write_lines(found: Iterable[QuarantinedRecord], file: IO[str]) -> int:
    number = 0
    for number, kept in enumerate(found, 1):  # noqa: B007 - the last number is the answer
        file.write(msgspec.json.encode(as_dict(kept)).decode() + "\n")
    return number


def _write_csv(found: Iterable[QuarantinedRecord], file: IO[str]) -> int:
    writer = csv.writer(file)
    writer.writerow(
        [
            *("partition", "offset", "append_time", "reason", "payload_bytes", "currency"),
            *("amount", "lateness_ms", "replays", "payload"),
        ]
    )
    number = 0
    for number, kept in enumerate(found, 1):  # noqa: B007 - the last number is the answer
        payload = None if kept.payload is None else f"\\x{kept.payload.hex()}"
        writer.writerow(
            [
                *(kept.partition, kept.offset, kept.append_time.isoformat(), kept.reason),
                *(kept.payload_bytes, kept.currency, kept.amount, kept.lateness_ms),
                *(kept.replays, payload),
            ]
        )
    return number


def _print_summary(
    whole: queries.QuarantineTotals, summary: list[queries.Row], late: list[queries.Row]
) -> None:
    if not whole.explained and not whole.waiting:
        err.print("Every record was accepted.")
        return
    columns = ("reason", "records", "kept", "meaning")
    counted = [(r["reason"], r["records"], r["kept"], rule(r["reason"])) for r in summary]
    out.print(table("", columns, counted))
    for row in late:
        out.print(late_line(row), highlight=False)
    for line in notes(whole):
        out.print(line, style="yellow", highlight=False)


def late_line(row: queries.Row) -> str:
    """Return the late sales of one currency as a line."""
    if row["currency"] is None:
        return f"late: {row['sales']:,} more sales were not read; their money is not known"
    return f"late: {row['sales']:,} sales, {row['currency']} {row['amount']:,.2f}"


def notes(whole: queries.QuarantineTotals) -> list[str]:
    """Return what must be said beside the numbers."""
    found = []
    if whole.waiting:
        found.append(f"{whole.waiting:,} more records still wait to be explained")
    if whole.sampled:
        found.append(
            f"sampled: too many came at once, so {whole.not_read:,} records were counted "
            "without being read"
        )
    elif whole.kept < whole.explained:
        found.append(f"{whole.kept:,} of {whole.explained:,} records are kept, the newest")
    return found


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
                    f"{k.partition}:{k.offset}",
                    f"{k.append_time:%Y-%m-%d %H:%M:%S}",
                    k.reason,
                    k.payload_bytes,
                    k.replays,
                    shown((k.payload or b"")[:BEGINNING]),
                )
                for k in newest
            ],
        )
    )
