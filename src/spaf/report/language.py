"""The two languages of report and talk, and how each writes a number and a unit."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language of the report and of the talk."""

    en = "en"
    pt = "pt"


# The same in English and in Portuguese.
Words = tuple[str, str]

# The units that Portuguese writes with other words.
UNITS = {"cores": "núcleos", "records/s": "registros/s", "sales/s": "vendas/s", "times": "vezes"}
# Between the groups of three digits and before the decimals; Portuguese swaps them.
SWAPPED = str.maketrans(",.", ".,")
# Between a number and its unit, so that no line ends between them.
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def number(value: float, digits: int, language: Language, unit: str = "") -> str:
    """Return a number with its unit as the language writes it: 1,234.5 ms or 1.234,5 ms.

    Args:
        value: the number.
        digits: decimal places; if negative, the number is rounded to tens, hundreds or thousands.
        language: of the text.
        unit: its English name, or nothing.

    """
    # A small negative number must not be shown as minus zero.
    text = f"{round(value, digits) + 0.0:,.{max(digits, 0)}f}"
    if language is Language.pt:
        text, unit = text.translate(SWAPPED), UNITS.get(unit, unit)
    if not unit:
        return text
    return f"{text}%" if unit == "%" else f"{text}{NO_BREAK_SPACE}{unit}"


def decimal(value: float, language: Language) -> str:
    """Return a number as short as it is: 0.5, 1,000 or 0,5, 1.000."""
    text = f"{value:,.10g}"
    return text.translate(SWAPPED) if language is Language.pt else text


def word(words: Words, language: Language) -> str:
    """Return the words of a language."""
    return words[language is Language.pt]
