"""Garbage collections of a JVM, from the counters that every JVM keeps in a file in memory.

`jstat` reads the same file (`-XX:+UsePerfData`, on by default). Reading it costs the JVM nothing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

FOLDER = Path("/tmp")  # noqa: S108 - a JVM always uses this folder
MAGIC = b"\xca\xfe\xc0\xc0"
LITTLE_ENDIAN = 1
# Behind the magic number, the byte order and the version: offset of the first entry, their number.
HEADER = struct.Struct("=24xII")
# Length, offset of the name, length of a vector, type; offset of the value.
ENTRY = struct.Struct("=IIIc3xI")
LONG = struct.Struct("=q")
LONG_TYPE = b"J"
FREQUENCY = "sun.os.hrt.frequency"
COLLECTOR = "sun.gc.collector."


class Collections(NamedTuple):
    """Garbage collections since the start of a JVM."""

    number: int
    seconds: float

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return those of a process; None if it is no JVM, or one that keeps no counters."""
        # An account without a name, a process that has ended, a file without counters.
        with contextlib.suppress(KeyError, OSError, struct.error, ValueError):
            account = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name  # noqa: PTH116 - each second
            return cls.read((FOLDER / f"hsperfdata_{account}" / str(pid)).read_bytes())
        return None

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Return those in the content of the file.

        Raises:
            ValueError: it is another file, or one of a machine with another byte order.
            struct.error: it ends too early.

        """
        if content[:4] != MAGIC or content[4] != LITTLE_ENDIAN:
            raise ValueError("no counters of a JVM")
        counters = dict(_counters(content))
        ticks = _sum(counters, ".time")
        return cls(_sum(counters, ".invocations"), ticks / counters.get(FREQUENCY, 1))


def _sum(counters: dict[str, int], ending: str) -> int:
    return sum(
        value
        for name, value in counters.items()
        if name.startswith(COLLECTOR) and name.endswith(ending)
    )


def _counters(content: bytes) -> Iterator[tuple[str, int]]:
    """Yield name and value of every whole number in the file."""
    at, entries = HEADER.unpack_from(content)
    for _ in range(entries):
        length, name_at, _, value_type, value_at = ENTRY.unpack_from(content, at)
        if length <= 0:
            return
        if value_type == LONG_TYPE:
            start = at + name_at
            name = content[start : content.index(b"\0", start)].decode()
            yield name, LONG.unpack_from(content, at + value_at)[0]
        at += length
