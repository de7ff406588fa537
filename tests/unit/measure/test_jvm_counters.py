"""Garbage collections, from the file of counters of a JVM."""

from __future__ import annotations

import os
import pwd
import struct
from pathlib import Path

import pytest

from spaf.measure import jvm_counters
from spaf.measure.jvm_counters import ENTRY, HEADER, MAGIC, Collections


def content(**counters: int) -> bytes:
    """Return a file with these counters; underscores are dots."""
    entries = []
    for name, value in counters.items():
        text = name.replace("__", ".").encode() + b"\0"
        at = ENTRY.size + len(text)
        at += -at % 8
        head = ENTRY.pack(at + 8, ENTRY.size, 0, b"J", at)
        entries.append((head + text).ljust(at, b"\0") + struct.pack("=q", value))
    head = HEADER.pack(HEADER.size, len(entries))
    start = MAGIC + b"\x01"
    return start + head[len(start) :] + b"".join(entries)


def test_collections_of_all_collectors_are_added() -> None:
    """Their time is in ticks of a counter with a frequency of its own."""
    found = Collections.read(
        content(
            sun__gc__collector__0__invocations=8,
            sun__gc__collector__0__time=300_000,
            sun__gc__collector__1__invocations=1,
            sun__gc__collector__1__time=200_000,
            sun__gc__generation__0__spaces=3,
            sun__os__hrt__frequency=1_000_000,
        )
    )
    assert found == Collections(9, 0.5)


@pytest.mark.parametrize("damaged", [b"", b"no counters", content(a=1)[:40]])
def test_another_file_has_no_collections(
    damaged: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither has a process that is no JVM."""
    monkeypatch.setattr(jvm_counters, "FOLDER", tmp_path)
    folder = tmp_path / f"hsperfdata_{pwd.getpwuid(os.getuid()).pw_name}"
    folder.mkdir()
    (folder / str(os.getpid())).write_bytes(damaged)
    assert Collections.of(os.getpid()) is None
    counted = content(sun__gc__collector__0__invocations=3, sun__os__hrt__frequency=1)
    (folder / str(os.getpid())).write_bytes(counted)
    assert Collections.of(os.getpid()) == Collections(3, 0.0)
    assert Collections.of(1) is None
