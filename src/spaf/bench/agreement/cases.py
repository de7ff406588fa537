"""Records that the two programs once disagreed on, kept for every later run.

One JSON object a line in `cases.jsonl`: `origin`, `append_ms`, and the record's bytes in base64
(null for a tombstone). The event times in a record fit its append time, so a case keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import msgspec

FILE = "cases.jsonl"


class Case(msgspec.Struct, frozen=True):
    """A record, and when it was appended, epoch milliseconds."""

    origin: str
    append_ms: int
    value: bytes | None


def kept() -> list[Case]:
    """Return the cases of the file."""
    lines = files("spaf.bench.agreement").joinpath(FILE).read_text(encoding="utf-8").splitlines()
    return list(map(read, lines))


def read(line: str) -> Case:
    """Return the case of a line."""
    case = msgspec.json.decode(line, type=Case)
    origin = f"kept, {case.origin.removeprefix('kept, ')}"
    return msgspec.structs.replace(case, origin=origin)


def append(file: Path, cases: Iterable[Case]) -> None:
    """Write cases to the end of a file."""
    with file.open("ab") as out:
        out.writelines(msgspec.json.encode(case) + b"\n" for case in cases)
