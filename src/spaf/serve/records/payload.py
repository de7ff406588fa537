"""Bytes that somebody else has written, as the page can show them: text, hex, indented JSON."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

# What is shown of a record in a list, and of one that was asked for alone, characters or bytes.
IN_A_LIST = 4 * 1024
ALONE = 256 * 1024
# Indented, a record that nests deeper, or that is longer, could become a thousand times as long.
DEEPEST = 20
LONGEST_JSON = 64 * 1024
INDENT = 2
# A string, or a bracket outside of one.
_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


class RenderedPayload(NamedTuple):
    """A value: `text` if it is UTF-8, else `hex`; `json` is indented, None if it is none."""

    bytes: int
    text: str | None
    hex: str | None
    json: str | None
    cut: bool


def shown(value: bytes | None, most: int) -> RenderedPayload:
    """Return a record's value; no more than `most` characters or bytes of it."""
    if value is None:
        return RenderedPayload(0, None, None, None, cut=False)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return RenderedPayload(len(value), None, value[:most].hex(" "), None, cut=len(value) > most)
    return RenderedPayload(len(value), text[:most], None, indented(value), cut=len(text) > most)


def short(value: bytes | None, most: int) -> str | None:
    r"""Return a key or a header in one piece; what is no UTF-8 as `\xff`."""
    return None if value is None else value[:most].decode(errors="backslashreplace")


def indented(value: bytes) -> str | None:
    """Return JSON with a line for each member: numbers, order and repeated names as they are."""
    if len(value) > LONGEST_JSON or _depth(value) > DEEPEST:
        return None
    try:
        return msgspec.json.format(value, indent=INDENT).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _depth(value: bytes) -> int:
    """Return how deep brackets nest."""
    depth = deepest = 0
    for match in _PIECE.finditer(value):
        piece = match[0]
        if piece in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif piece in b"]}":
            depth -= 1
    return deepest
