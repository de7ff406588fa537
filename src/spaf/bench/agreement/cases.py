"""Records that the two programs once disagreed on, kept for ever.

One JSON object a line in `cases.jsonl`: `origin`, `append_ms`, and the record's bytes in base64
(null for a tombstone). Each holds times that fit its append time, so that one belongs to it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

FILE = "cases.jsonl"


class Case(NamedTuple):
    """A record, and when it was appended, epoch milliseconds."""

    origin: str
    append_ms: int
    value: bytes | None

    def as_dict(self) -> dict[str, Any]:
        """Return the case as a line of the file has it."""
        value = None if self.value is None else base64.b64encode(self.value).decode()
        return {"origin": self.origin, "append_ms": self.append_ms, "value": value}


def kept() -> list[Case]:
    """Return the cases of the file."""
    lines = files("spaf.bench.agreement").joinpath(FILE).read_text(encoding="utf-8").splitlines()
    return list(map(read, lines))


def read(line: str) -> Case:
    """Return the case of a line."""
    found = json.loads(line)
    value = found["value"]
    return Case(
        f"kept, {found['origin']}".replace("kept, kept, ", "kept, "),
        found["append_ms"],
        None if value is None else base64.b64decode(value),
    )


def append(file: Path, cases: Iterable[Case]) -> None:
    """Write cases to the end of a file."""
    with file.open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(case.as_dict()) + "\n" for case in cases)
