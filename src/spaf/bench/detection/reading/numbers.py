"""Numbers as people and programs write them; the decimal sign is decided on a whole column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

# Texts that stand for no value, in lower case: of spreadsheets, databases and statistical offices.
MISSING = frozenset(
    (
        *("", "-", "--", "\u2013", "\u2014", ".", "..", "...", "?", "*"),
        *("na", "n/a", "n.a.", "nan", "null", "\\n", "none", "nil", "nat", "undefined", "missing"),
        *("n/d", "nd", "n.d.", "s/d", "s/i", "sem dados", "sem dado", "no data"),
        *("#n/a", "#n/d", "#na", "#null!", "#nulo!", "#div/0!", "#ref!", "#num!", "#n\u00fam!"),
        *("#value!", "#valor!", "#name?", "#nome?"),
    )
)
POINT, COMMA = ".", ","
# Blanks that never break, and signs that look like minus and apostrophe.
_PLAIN = str.maketrans(
    {
        "\u00a0": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\u2212": "-",
        "\u2019": "'",
    }
)
_SIMPLE = re.compile(r"[+-]?[0-9]+")
_PARENTHESES = re.compile(r"([^\d()]*)\((.*)\)([^\d()]*)")
_NUMBER = re.compile(
    r"(?P<before>[^\d+-]*?)(?P<sign>[+-]?)(?P<symbol>[^\d+-]*?)"
    r"(?P<digits>[.,]?[0-9](?:[0-9.,' ]*[0-9])?[.,]?)(?P<exponent>[eE][+-]?[0-9]{1,3})?"
    r"(?P<after>[^\d.,:/+-][^\d:/+-]*)?(?P<trailing>-?)"
)
# What may stand before a number in a cell that is no heading: a currency.
_CURRENCY = re.compile(
    r"\s*(?:[A-Za-z]{0,3}[$\u20ac\xa3\xa5\u20b9\u20a9\u20bd]|(?:[A-Z]{3}|[Rr]s\.?|[Kk]r\.?)\s)?\s*"
)
_FORMS = {
    POINT: re.compile(
        r"[0-9]*(?:\.[0-9]*)?|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?"
        r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]*)?"
    ),
    COMMA: re.compile(r"[0-9]*(?:,[0-9]*)?|[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?"),
}
_GROUPED = re.compile(r"[0-9]{1,3}(?:([ '])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]*)?")


class NumberParts(NamedTuple):
    """A number before its decimal sign is known."""

    negative: bool
    digits: str
    exponent: str
    unit: str
    before: str


def split_number(text: str) -> NumberParts | None:
    """Return the parts of a number with its currency, unit or sign; None if it is none."""
    if _SIMPLE.fullmatch(text):
        return NumberParts(text[0] == "-", text.lstrip("+-"), "", "", "")
    plain = text.translate(_PLAIN).strip()
    negative = False
    enclosed = _PARENTHESES.fullmatch(plain)
    if enclosed:
        negative, plain = True, "".join(enclosed.groups()).strip()
    parts = _NUMBER.fullmatch(plain)
    if not parts:
        return None
    digits = parts["digits"]
    if " " in digits or "'" in digits:
        if not _GROUPED.fullmatch(digits):
            return None
        digits = digits.replace(" ", "").replace("'", "")
    before = parts["before"] + parts["symbol"]
    unit = " ".join(part for part in (before.strip(), (parts["after"] or "").strip()) if part)
    negative ^= parts["sign"] == "-" or parts["trailing"] == "-"
    return NumberParts(negative, digits, parts["exponent"] or "", unit, before)


def is_number(text: str) -> bool:
    """Return whether a cell holds a number, perhaps with a currency or unit, and no heading."""
    parts = split_number(text)
    return (
        parts is not None
        and _CURRENCY.fullmatch(parts.before) is not None
        and any(form.fullmatch(parts.digits) for form in _FORMS.values())
    )


class DecimalChoice(NamedTuple):
    """The decimal sign of a column."""

    sign: str
    seen: bool
    """There is a sign in the column."""
    ambiguous: bool
    """Both signs fit every number: the choice follows from the rest of the file."""


def choose_decimal(texts: Iterable[str], *, prefer_comma: bool) -> DecimalChoice:
    """Return the decimal sign that fits most numbers of a column; of two the preferred one."""
    numbers = [parts.digits for text in set(texts) if (parts := split_number(text)) is not None]
    marked = [digits for digits in numbers if POINT in digits or COMMA in digits]
    fits = Counter(
        sign for digits in marked for sign, form in _FORMS.items() if form.fullmatch(digits)
    )
    preferred = COMMA if prefer_comma else POINT
    if not marked:
        return DecimalChoice(preferred, seen=False, ambiguous=False)
    if fits[POINT] == fits[COMMA]:
        return DecimalChoice(preferred, seen=True, ambiguous=True)
    return DecimalChoice(max(fits, key=fits.__getitem__), seen=True, ambiguous=False)


def decimal_text(parts: NumberParts, sign: str) -> str | None:
    """Return a number as Python writes it; None if it does not fit the decimal sign."""
    if not _FORMS[sign].fullmatch(parts.digits):
        return None
    thousands = POINT if sign == COMMA else COMMA
    digits = parts.digits.replace(thousands, "").replace(sign, ".")
    return ("-" if parts.negative else "") + digits + parts.exponent
