"""Text and numbers as a Java program sees them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.sale.jackson.java_text import decode, from_utf_16, java_double, quote, unescape


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("1.50", "1.5"),
        ("100.0", "100.0"),
        ("-0.0", "-0.0"),
        ("1e7", "1.0E7"),
        ("9999999.0", "9999999.0"),
        ("12345678.9", "1.23456789E7"),
        ("0.001", "0.001"),
        ("9.99e-4", "9.99E-4"),
        ("-2e23", "-2.0E23"),
        ("5e-324", "4.9E-324"),
        ("1e-323", "9.9E-324"),
        ("1e300", "1.0E300"),
        ("1e400", '"Infinity"'),
        ("-1e400", '"-Infinity"'),
    ],
)
def test_java_double(literal: str, text: str) -> None:
    """Large and small numbers get an exponent, and every number a point."""
    assert java_double(literal) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_java_double_loses_nothing(number: float) -> None:
    """The text reads back as the same number."""
    assert float(java_double(repr(number))) == number


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quote_and_unescape(text: str) -> None:
    """A quoted text is JSON, and unescaping undoes every way of escaping."""
    assert json.loads(quote(text)) == text
    for raw in (quote(text), json.dumps(text), json.dumps(text, ensure_ascii=False)):
        assert unescape(raw[1:-1].encode()) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xc0\xaf", "/"),
        (b"\xed\xa0\x80", "\ud800"),
        (b"\xf0\x9f\x98\x80\xc0\xaf", "\N{GRINNING FACE}/"),
        (b"\xe0\x80\xafa\xc3\xa9\xc0\xaf", "/aé/"),
    ],
)
def test_lenient_utf8(raw: bytes, text: str) -> None:
    """Forms that UTF-8 forbids have the meaning that their bits spell."""
    assert decode(raw) == text


def test_beyond_unicode() -> None:
    """A character behind the last one falls into two halves that do not fit."""
    assert unescape(b"\xf5\x80\x80\x80") == "??"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a\N{GRINNING FACE}b", "a\N{GRINNING FACE}b"),
        ("a\ud800", "a\ufffd"),
        ("a\udc00b", "a\ufffdb"),
        ("a\ud800bc", "a\ufffdc"),
        ("\ud800\N{GRINNING FACE}", "\ufffd\ufffd"),
    ],
)
def test_half_a_pair_in_utf_16_takes_the_next_unit_along(
    encoding: str, sent: str, read: str
) -> None:
    """As Java's reader does; a byte that is left over is broken too."""
    value = sent.encode(encoding, "surrogatepass")
    assert from_utf_16(value, encoding) == read
    assert from_utf_16(value + b"x", encoding) == read + "\ufffd"
