"""`spaf quarantine show` and `replay`: one record of the quarantine."""

from __future__ import annotations

import base64
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from spaf import settings
from spaf.cli.quarantine.listing import record_json
from spaf.cli.terminal.output import Json, counted, out, print_json
from spaf.errors import SettingsError
from spaf.quarantine import reader
from spaf.quarantine.reader import QuarantinedRecord, RecordEnvelope
from spaf.quarantine.reason_messages import sentence, shown
from spaf.quarantine.replay import RepairRequest
from spaf.quarantine.replay import replay as send_again
from spaf.quarantine.worker import QuarantineSource
from spaf.stack.quarantine_process import source
from spaf.stack.run import Run

# Length to which a record is printed; it may be a megabyte long, bytes.
MAX_SHOWN_BYTES = 4_096
# Length to which a key and a header value are printed, bytes.
MAX_ENVELOPE_BYTES = 256
# Bytes a line of a hex dump.
LINE_BYTES = 16

Position = Annotated[
    list[str],
    typer.Argument(help="PARTITION OFFSET, or PARTITION:OFFSET.", metavar="PARTITION OFFSET"),
]


def show(position: Position, *, json: Json = False) -> None:
    """Show one record: why it was not accepted, its key and headers, and its bytes.

    A record of which not everything is kept is read from the topic again.
    """
    quarantine = _source()
    record = reader.find(quarantine, *_position(position))
    envelope = reader.envelope(quarantine, record.partition, record.offset)
    if json:
        why = {"why": sentence(record.reason, record.payload)}
        print_json(record_json(record) | why | _envelope_json(envelope))
    else:
        _print(record, envelope)


def replay(  # noqa: PLR0913 - one parameter an option
    position: Position,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="field=value: set a field. The value is JSON, or plain text; null leaves it out.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Send the content of this file instead; `-` is standard input."),
    ] = None,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Count it at its new arrival, not at its own time.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send it even if it was replayed before.")
    ] = False,
    json: Json = False,
) -> None:
    """Repair a record and send it as a new sale, if it would be accepted now.

    It keeps its event time; one that names none gets the time of its first arrival. A sale that is
    too late for that needs --now. The record itself stays in the topic and in the quarantine.
    """
    quarantine = _source()
    record = reader.find(quarantine, *_position(position))
    repair = RepairRequest(
        changes or (), None if file is None else _read(file), now=now, again=again
    )
    new = send_again(quarantine, record, repair)
    if json:
        print_json(
            {
                "partition": new.partition,
                "offset": new.offset,
                "category": new.sale.category,
                "currency": new.sale.currency,
                "cents": new.sale.cents,
                "event_ms": new.sale.event_ms,
            }
        )
        return
    sale = new.sale
    text = (
        f"Sent as {new.partition}:{new.offset}: {sale.category}, "
        f"{sale.currency} {Decimal(sale.cents).scaleb(-2):,.2f}."
    )
    out.print(Text(text))


def _source() -> QuarantineSource:
    chosen = settings.load()
    return source(Run.attach(chosen))


def _position(words: list[str]) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})[: ](\d{1,18})", " ".join(words), re.ASCII)
    if match is None:
        raise SettingsError(
            f"{' '.join(words)} does not name a record.",
            todo="Name it by partition and offset: 0 1234, or 0:1234.",
        )
    return int(match[1]), int(match[2])


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from None


def _envelope_json(envelope: RecordEnvelope | None) -> dict[str, Any]:
    """Return key and headers for JSON; nothing if the topic no longer holds the record."""
    if envelope is None:
        return {}
    headers = [[name, _bytes_json(value)] for name, value in envelope.headers]
    return {"key": _bytes_json(envelope.key), "headers": headers}


def _bytes_json(value: bytes | None) -> str | dict[str, str] | None:
    """Return bytes as text if they are UTF-8, else in base64."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _envelope_lines(envelope: RecordEnvelope | None) -> list[str]:
    """Return the lines of key and headers, in the order of the record, escaped and cut."""
    if envelope is None:
        return ["key      unknown: the topic does not hold this record any more"]
    headers = [
        f"header   {_quoted(name.encode(errors='surrogateescape'))}: {_quoted(value)}"
        for name, value in envelope.headers
    ]
    return [f"key      {_quoted(envelope.key)}", *headers]


def _quoted(value: bytes | None) -> str:
    if value is None:
        return "null"
    left = len(value) - MAX_ENVELOPE_BYTES
    more = f" ... and {counted(left, 'more byte')}" if left > 0 else ""
    return f'"{shown(value[:MAX_ENVELOPE_BYTES])}"{more}'


def _print(record: QuarantinedRecord, envelope: RecordEnvelope | None) -> None:
    lines = [
        f"record   {record.partition}:{record.offset}",
        f"arrived  {record.append_time:%Y-%m-%d %H:%M:%S.%f} UTC",
        f"reason   {record.reason}: {sentence(record.reason, record.payload)}",
        f"bytes    {record.payload_bytes:,}",
    ]
    if record.amount is not None and record.lateness_ms is not None:
        lines.append(f"sale     {record.category}, {record.currency} {record.amount:,.2f}")
        lines.append(f"late by  {record.lateness_ms / 1_000:,.3f} s")
    if record.replays:
        lines.append(f"replayed {counted(record.replays, 'time')}")
    lines += _envelope_lines(envelope)
    for line in [*lines, "", *_payload(record.payload or b"")]:
        out.print(Text(line))


def _payload(payload: bytes) -> list[str]:
    """Return UTF-8 text with its control characters escaped, other bytes as a hex dump."""
    part = payload[:MAX_SHOWN_BYTES]
    left = len(payload) - len(part)
    more = [f"... and {counted(left, 'more byte')}: `spaf quarantine export`"] if left else []
    try:
        payload.decode()
    except UnicodeDecodeError:
        return [*_hex(part), *more]
    return [shown(part), *more]


def _hex(part: bytes) -> list[str]:
    return [
        f"{at:06x}  {line.hex(' '):<{3 * LINE_BYTES}} "
        f"{''.join(chr(b) if 32 <= b < 127 else '.' for b in line)}"  # noqa: PLR2004 - ASCII
        for at in range(0, len(part), LINE_BYTES)
        for line in (part[at : at + LINE_BYTES],)
    ]
