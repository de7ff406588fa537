"""`spaf quarantine show` and `replay`: one of them."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from spaf import settings
from spaf.cli.quarantine.listing import as_dict
from spaf.cli.terminal.output import Json, out, print_json
from spaf.errors import SettingsError
from spaf.quarantine import reader
from spaf.quarantine.reader import QuarantinedRecord
from spaf.quarantine.reason_messages import sentence, shown
from spaf.quarantine.replay import RepairRequest
from spaf.quarantine.replay import replay as send_again
from spaf.quarantine.worker import QuarantineSource
from spaf.stack.quarantine_process import source
from spaf.stack.state import RunFolder

# A record may be a megabyte; nobody reads more of it than this on a screen, bytes.
SHOWN_BYTES = 4_096
# Bytes a line of a hex dump.
LINE_BYTES = 16

Place = Annotated[
    list[str],
    typer.Argument(help="PARTITION OFFSET, or PARTITION:OFFSET.", metavar="PARTITION OFFSET"),
]


def show(place: Place, *, json: Json = False) -> None:
    """Show one record: why it was not accepted, and its bytes.

    A record of which not everything is kept is read from the topic again.
    """
    kept = reader.find(_source(), *_place(place))
    if json:
        print_json(as_dict(kept) | {"why": sentence(kept.reason, kept.payload)})
    else:
        _print(kept)


def replay(  # noqa: PLR0913 - one for each option
    place: Place,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="field=value: set a field. The value is JSON, or plain text; null leaves it out.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Send what this file holds in its place; `-` is standard input."),
    ] = None,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Count it when it arrives again, not at its own time.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send it though it was sent again before.")
    ] = False,
    json: Json = False,
) -> None:
    """Repair a record and send it as a new sale, if it would be accepted now.

    It keeps its event time; one that names none gets the time of its first arrival. A sale that is
    too late for that needs --now. The record itself stays in the topic and in the quarantine.
    """
    found = _source()
    kept = reader.find(found, *_place(place))
    repair = RepairRequest(
        changes or (), None if file is None else _read(file), now=now, again=again
    )
    new = send_again(found, kept, repair)
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
    return source(chosen, RunFolder(chosen.home))


def _place(words: list[str]) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})[: ](\d{1,18})", " ".join(words), re.ASCII)
    if match is None:
        raise SettingsError(
            f"{' '.join(words)}: not a record.",
            todo="Name it by partition and offset: 0 1234, or 0:1234.",
        )
    return int(match[1]), int(match[2])


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from None


def _print(kept: QuarantinedRecord) -> None:
    lines = [
        f"record   {kept.partition}:{kept.offset}",
        f"arrived  {kept.append_time:%Y-%m-%d %H:%M:%S.%f} UTC",
        f"reason   {kept.reason}: {sentence(kept.reason, kept.payload)}",
        f"bytes    {kept.payload_bytes:,}",
    ]
    if kept.amount is not None and kept.lateness_ms is not None:
        lines.append(f"sale     {kept.category}, {kept.currency} {kept.amount:,.2f}")
        lines.append(f"late by  {kept.lateness_ms / 1_000:,.3f} s")
    if kept.replays:
        lines.append(f"replayed {kept.replays} times")
    for line in [*lines, "", *_payload(kept.payload or b"")]:
        out.print(Text(line))


def _payload(payload: bytes) -> list[str]:
    """Return text with its control characters escaped, or a hex dump of what is none."""
    part = payload[:SHOWN_BYTES]
    left = len(payload) - len(part)
    more = [f"... and {left:,} more bytes: `spaf quarantine export`"] if left else []
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
