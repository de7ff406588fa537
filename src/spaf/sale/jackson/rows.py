"""Decode the bytes of a record into rows of text, exactly as Flink's decoder does for the job.

The behaviour of the decoder, each point tested against the decoder itself:

- An array at the root has a row for each object, up to the first element that is no object.
- Bytes after the end of the root are ignored.
- A text column takes the text of a string, or the literal of a number, true or false; an object or
  an array becomes compact JSON. A double is parsed from the same texts, except for compact JSON.
  Null and an invalid string leave the column empty.
- Of two fields with one name the last one counts, until the record has named as many columns as
  there are; later fields are ignored.
- An object or an array in place of a double leaves the column empty but is not skipped. Its content
  is read as if it were a part of the row, so names and values may be misaligned, and the end of
  an object in it ends the row.

Two details differ: a name with the byte FF, which the decoder takes for another name that it has
read before, and the byte at which the decoder stops in a rare kind of invalid nested value.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spaf.sale.contract import AMOUNTS, COLUMNS, STAMPS
from spaf.sale.jackson.java_text import from_utf_16, java_double, quote
from spaf.sale.jackson.tokens import BEGINS, ENDS, JsonError, TokenKind, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, str | None]
"""The columns of a record that are present, and the time stamps of the generator."""


def rows(value: bytes | None) -> Iterator[Row]:
    """Yield the rows of a record; none if the decoder drops it."""
    try:
        tokens = Tokens(_utf8(value or b""))
        if tokens.next() is TokenKind.BEGIN_OBJECT:
            yield _row(tokens)
        elif tokens.kind is TokenKind.BEGIN_ARRAY:
            while tokens.next() is not TokenKind.END_ARRAY:
                yield _row(tokens)
    except JsonError:
        return


def _utf8(value: bytes) -> bytes:
    """Return the record in UTF-8; the decoder detects UTF-16 and UTF-32 by the first bytes."""
    encoding = json.detect_encoding(value)
    if encoding == "utf-8":
        return value
    if encoding == "utf-8-sig":
        return value[3:]
    if encoding.startswith("utf-16"):
        return from_utf_16(value, encoding).encode()
    try:
        # The decoder stops before an incomplete character at the end.
        whole = value[: len(value) // 4 * 4]
        return whole.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise JsonError("not text in any encoding") from None


def _row(tokens: Tokens) -> Row:
    """Read one object, from its opening brace to the closing brace that ends the row."""
    if tokens.kind is not TokenKind.BEGIN_OBJECT:
        raise JsonError("not an object")
    row: Row = {}
    seen = 0
    kind = tokens.next()
    while kind is not TokenKind.END_OBJECT:
        name = None
        full = seen == len(COLUMNS)
        if kind is TokenKind.NAME or not full:
            name = tokens.text()
            tokens.next()
        if name in COLUMNS and not full:
            row[name] = _column(tokens, name)
            seen += 1
            kind = tokens.next()
            continue
        if name in STAMPS:
            row[name] = _stamp(tokens)
        kind = _skip_value(tokens)
    return row


def _column(tokens: Tokens, name: str) -> str | None:
    """Return the text of a column; None after an error, from which the decoder continues.

    The text of an object or an array in place of a double is its opening bracket only.
    """
    if tokens.kind is TokenKind.NULL:
        return None
    try:
        if tokens.kind in BEGINS and name not in AMOUNTS:
            return _compact(tokens)
        return tokens.text()
    except JsonError:
        return None


def _stamp(tokens: Tokens) -> str | None:
    """Return the text of a number; None for other values."""
    return tokens.text() if tokens.kind is TokenKind.NUMBER else None


def _skip_value(tokens: Tokens) -> TokenKind | None:
    """Skip a value and return the token after it."""
    if tokens.kind is None:
        raise JsonError("no value")
    depth = 1 if tokens.kind in BEGINS else 0
    while depth:
        kind = tokens.next()
        depth += (kind in BEGINS) - (kind in ENDS)
    return tokens.next()


def _compact(tokens: Tokens) -> str:
    """Return an object or an array as compact JSON, without recursion."""
    outer: list[tuple[list[str] | dict[str, str], str]] = []
    inner: list[str] | dict[str, str] = _empty(tokens)
    name = ""
    while True:
        kind = tokens.next()
        if kind is TokenKind.NAME:
            name = str(tokens.text())
            continue
        if kind in BEGINS:
            outer.append((inner, name))
            inner = _empty(tokens)
            continue
        if kind in ENDS:
            text = _joined(inner)
            if not outer:
                return text
            inner, name = outer.pop()
        else:
            text = _scalar(tokens)
        if isinstance(inner, list):
            inner.append(text)
        else:
            inner[name] = text


def _empty(tokens: Tokens) -> list[str] | dict[str, str]:
    return [] if tokens.kind is TokenKind.BEGIN_ARRAY else {}


def _joined(container: list[str] | dict[str, str]) -> str:
    if isinstance(container, list):
        return f"[{','.join(container)}]"
    return "{" + ",".join(f"{quote(name)}:{text}" for name, text in container.items()) + "}"


def _scalar(tokens: Tokens) -> str:
    """Return a string, number or word of a container in Java's notation."""
    text = str(tokens.text())
    if tokens.kind is TokenKind.STRING:
        return quote(text)
    if tokens.kind is not TokenKind.NUMBER:
        return text
    if any(char in text for char in ".eE"):
        return java_double(text)
    return "0" if text == "-0" else text
