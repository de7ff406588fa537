"""`POST /api/painted`: which rows a page has painted and when, for the measuring command.

A page reports only if its address names a measurement, and a report is stored only if the measuring
command has created the files. The first has the form of `measure.visibility`: a time in
microseconds, a tab, and the rows that were on the screen from then on, each with the time at which
the page received it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from spaf.serve.web.responses import invalid, json_response

NAME = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
# An hour at a thousand sales a second.
MAX_FILE_BYTES = 512 * 2**20

router = APIRouter(prefix="/api")

# Epoch microseconds; sums of them still fit into 64 bits.
Painted = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
# Second, category, currency, count, and when the page received it, epoch milliseconds.
ShownRow = tuple[int, str, str, int, float]


class PageHealth(msgspec.Struct, forbid_unknown_fields=True):
    """Frames per second, memory and size of the page."""

    fps: float | None = None
    heap_bytes: int | None = None
    dom_nodes: int | None = None


class PaintReport(msgspec.Struct, forbid_unknown_fields=True):
    """Frames that changed rows: when each was painted, and the rows in it."""

    name: str
    frames: list[tuple[Painted, list[ShownRow]]] = []
    page: PageHealth | None = None


_report = msgspec.json.Decoder(PaintReport)


@router.post("/painted")
async def painted(request: Request) -> Response:
    """Store a report."""
    try:
        report = _report.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The report cannot be read: {error}.") from None
    if not NAME.fullmatch(report.name):
        raise invalid("name: up to 64 of a-z, 0-9 and the hyphen.")
    runs: Path = request.app.state.run.runs
    lines = [b"%d\t%s\n" % (stamp, msgspec.json.encode(rows)) for stamp, rows in report.frames]
    _append(runs / f"painted-{report.name}.tsv", b"".join(lines))
    if report.page is not None:
        _append(runs / f"painted-{report.name}.jsonl", msgspec.json.encode(report.page) + b"\n")
    return json_response({"ok": True, "frames": len(lines)})


def _append(file: Path, data: bytes) -> None:
    """Append to an existing file.

    Raises:
        RequestRefusedError: there is no such file, or it is full.

    """
    try:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    except OSError:
        raise invalid("No measurement of this name is running.", 404) from None
    try:
        if os.fstat(handle).st_size + len(data) > MAX_FILE_BYTES:
            raise invalid("The files of this measurement are full.", 507)
        os.write(handle, data)
    finally:
        os.close(handle)
