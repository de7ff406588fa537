"""Untrusted bytes in the forms in which the page can show them: text, hex, indented JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from spaf.topic.record_reader import ConsumedRecord

# Characters, or bytes in hex, of a record in a list and of a single one.
MAX_LENGTH_IN_LIST = 4 * 1024
MAX_LENGTH = 256 * 1024
# Of a key or a header value.
MAX_KEY_BYTES = 256
MAX_HEADERS = 32
# Indentation could make a record that is longer or nests deeper a thousand times as long.
MAX_DEPTH = 20
MAX_JSON_BYTES = 64 * 1024
INDENT = 2
# A string, or a bracket outside of one.
_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


class RenderedPayload(NamedTuple):
    """A value: `text` if it is UTF-8, else `hex`; `json` is indented, None if it is no JSON."""

    bytes: int
    text: str | None
    hex: str | None
    json: str | None
    cut: bool


def render(value: bytes | None, limit: int) -> RenderedPayload:
    """Return a record's value, cut after `limit` characters or bytes."""
    if value is None:
        return RenderedPayload(0, None, None, None, cut=False)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return RenderedPayload(
            len(value), None, value[:limit].hex(" "), None, cut=len(value) > limit
        )
    return RenderedPayload(len(value), text[:limit], None, indented(value), cut=len(text) > limit)


def envelope(record: ConsumedRecord) -> dict[str, Any]:
    """Return key and headers of a record as they are sent; the order of the headers is kept."""
    headers = record.headers[:MAX_HEADERS]
    return {
        "key": short(record.key, MAX_KEY_BYTES),
        "headers": [[name, short(value, MAX_KEY_BYTES)] for name, value in headers],
    }


def short(value: bytes | None, limit: int) -> str | None:
    r"""Return the first `limit` bytes of a key or a header; invalid UTF-8 as `\xff`."""
    return None if value is None else value[:limit].decode(errors="backslashreplace")


def indented(value: bytes) -> str | None:
    """Return JSON with one line a member; numbers, order and repeated names stay as they are."""
    if len(value) > MAX_JSON_BYTES or _depth(value) > MAX_DEPTH:
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
