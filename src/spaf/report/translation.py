"""Texts of a record, which are English, as the report writes them in Portuguese."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from spaf.report.language import SWAPPED, Language

PLACE = "{}"
NUMBER = re.compile(r"[+-]?[\d,.]+")


def translated(text: str, language: Language) -> str:
    """Return a text of a record in a language; in English if its translation is not known."""
    if language is Language.en or not text:
        return text
    if NUMBER.fullmatch(text):
        return text.translate(SWAPPED)
    for pattern, words in _portuguese():
        if found := pattern.fullmatch(text):
            return words.format(*(translated(part, language) for part in found.groups()))
    return text


@cache
def _portuguese() -> list[tuple[re.Pattern[str], str]]:
    """Return each English text, the longest first, with its words."""
    source = resources.files(__package__).joinpath("portuguese.toml").read_text("utf-8")
    texts = sorted(tomllib.loads(source).items(), key=lambda item: -len(item[0]))
    return [
        (re.compile(re.escape(text).replace(re.escape(PLACE), "(.+?)")), str(words))
        for text, words in texts
    ]
