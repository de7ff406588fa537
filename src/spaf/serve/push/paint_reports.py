"""What a page says that it has painted, kept for the command that measures it.

A page reports only if its address names a measurement, and a report is kept only if the measuring
command has made its files. The first is written in the form of `measure.watch`: a stamp in
microseconds, a tab, and the rows that were on the screen from then on.
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

from spaf.serve.web.responses import RequestRefusedError, answer

NAME = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
# An hour at a thousand sales a second; more is no measurement, bytes.
LARGEST_FILE = 512 * 2**20

router = APIRouter(prefix="/api")

# A moment of this epoch; a sum with it still fits into 64 bits.
Painted = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
ShownRow = tuple[int, str, str, int]


class PageHealth(msgspec.Struct, forbid_unknown_fields=True):
    """How the page itself is."""

    fps: float | None = None
    heap_bytes: int | None = None
    dom_nodes: int | None = None


class PaintReport(msgspec.Struct, forbid_unknown_fields=True):
    """Frames that changed rows: when each was painted, and what it shows."""

    name: str
    frames: list[tuple[Painted, list[ShownRow]]] = []
    page: PageHealth | None = None


_report = msgspec.json.Decoder(PaintReport)


@router.post("/painted")
async def painted(request: Request) -> Response:
    """Keep a report."""
    try:
        report = _report.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(400, f"The report cannot be read: {error}.") from None
    if not NAME.fullmatch(report.name):
        raise RequestRefusedError(400, "name: up to 64 of a-z, 0-9 and the hyphen.")
    runs: Path = request.app.state.source.runs
    lines = [b"%d\t%s\n" % (stamp, msgspec.json.encode(rows)) for stamp, rows in report.frames]
    _append(runs / f"painted-{report.name}.tsv", b"".join(lines))
    if report.page is not None:
        _append(runs / f"painted-{report.name}.jsonl", msgspec.json.encode(report.page) + b"\n")
    return answer({"ok": True, "frames": len(lines)})


def _append(file: Path, data: bytes) -> None:
    """Add to a file that is there.

    Raises:
        RefusedError: nobody has asked for it, or it is full.

    """
    try:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    except OSError:
        raise RequestRefusedError(404, "No measurement of this name is under way.") from None
    try:
        if os.fstat(handle).st_size + len(data) > LARGEST_FILE:
            raise RequestRefusedError(507, "The measurement has all it can keep.")
        os.write(handle, data)
    finally:
        os.close(handle)
