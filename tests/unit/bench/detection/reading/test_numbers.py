"""Numbers of other programs: the value that was meant, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.bench.detection.reading.numbers import (
    COMMA,
    POINT,
    choose_decimal,
    decimal_text,
    is_number,
    split_number,
)


def value(text: str, sign: str) -> float | None:
    """Return a number in a column with this decimal sign."""
    parts = split_number(text)
    found = None if parts is None else decimal_text(parts, sign)
    return None if found is None else float(found)


@pytest.mark.parametrize(
    ("text", "sign", "expected", "unit"),
    [
        ("1.234,56", COMMA, 1234.56, ""),
        ("1,234.56", POINT, 1234.56, ""),
        ("12,34,567.8", POINT, 1234567.8, ""),
        ("1\u00a0234,56", COMMA, 1234.56, ""),
        ("1\u202f234\u202f567,5", COMMA, 1234567.5, ""),
        ("1'234.56", POINT, 1234.56, ""),
        ("1\u2019234.56", POINT, 1234.56, ""),
        ("R$ 1.234,56", COMMA, 1234.56, "R$"),
        ("R$\u00a01.234,56", COMMA, 1234.56, "R$"),
        ("-R$ 5,00", COMMA, -5, "R$"),
        ("R$ -5,00", COMMA, -5, "R$"),
        ("(R$ 5,00)", COMMA, -5, "R$"),
        ("$(5.00)", POINT, -5, "$"),
        ("(5.00)", POINT, -5, ""),
        ("5,00-", COMMA, -5, ""),
        ("\u22125", POINT, -5, ""),
        ("+5", POINT, 5, ""),
        ("1.234,56 \u20ac", COMMA, 1234.56, "\u20ac"),
        ("CHF 5", POINT, 5, "CHF"),
        ("12,5%", COMMA, 12.5, "%"),
        ("5.1 \u00b0C", POINT, 5.1, "\u00b0C"),
        (",8", COMMA, 0.8, ""),
        ("5.", POINT, 5, ""),
        ("2.84500E+08", POINT, 2.845e8, ""),
        ("2,845E+08", COMMA, 2.845e8, ""),
        ("1e-3", POINT, 0.001, ""),
    ],
)
def test_one_number(text: str, sign: str, expected: float, unit: str) -> None:
    """Signs, groups, currencies and units."""
    assert value(text, sign) == expected
    parts = split_number(text)
    assert parts is not None
    assert parts.unit == unit
    assert is_number(text)


@pytest.mark.parametrize(
    "text", ["abc", "2024-01-02", "10:30", "1.2.3", "1 2 3", "12 34", "1_000", "", "nan", "0,123.5"]
)
def test_no_number(text: str) -> None:
    """Dates, times and text are none, and groups of another length."""
    assert not is_number(text)


@pytest.mark.parametrize("text", ["Col1", "PM2.5", "value_1", "tasa 7d", "Q1 2024"])
def test_headings(text: str) -> None:
    """A name with a digit is no number."""
    assert not is_number(text)


@pytest.mark.parametrize(
    ("texts", "prefer_comma", "sign", "ambiguous"),
    [
        (("4,85", "5,01"), False, COMMA, False),
        (("4.85", "5.01"), True, POINT, False),
        (("1.234", "1.234,5"), False, COMMA, False),
        (("1.234", "0.234"), True, POINT, False),
        (("1.234", "2.345"), True, COMMA, True),
        (("1.234", "2.345"), False, POINT, True),
        (("1.234.567",), False, COMMA, False),
        (("1,234,567",), True, POINT, False),
        (("5", "6"), True, COMMA, False),
    ],
)
def test_the_sign_is_that_of_the_whole_column(
    texts: tuple[str, ...], *, prefer_comma: bool, sign: str, ambiguous: bool
) -> None:
    """The sign that fits all numbers; of two the one that the rest of the file suggests."""
    choice = choose_decimal(texts, prefer_comma=prefer_comma)
    assert (choice.sign, choice.ambiguous) == (sign, ambiguous)


@given(st.floats(-1e12, 1e12), st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]))
def test_any_number_in_any_spelling(number: float, signs: tuple[str, str]) -> None:
    """What a spreadsheet writes with two decimals is read back."""
    thousands, decimal = signs
    text = f"{number:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)
    assert choose_decimal([text], prefer_comma=False).sign == decimal
    assert value(text, decimal) == float(f"{number:.2f}")
